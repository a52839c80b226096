"""JSON payloads."""

import gc
import json

import numpy as np
import pytest

from monitor.codecs import CodecSettings
from monitor.codecs.json_list import SPARE_BRACKETS, JsonCodec
from monitor.errors import DecodeError
from tests.fuzz.bombs import JSON as BOMBS
from tests.fuzz.check import check
from tests.fuzz.seeds import VARIANTS


def codec(shape=(2,), field=None):
    return JsonCodec(CodecSettings(shape, field=field))


def reason(value, **settings):
    with pytest.raises(DecodeError) as caught:
        codec(**settings).decode(value if isinstance(value, bytes) else json.dumps(value).encode())
    return caught.value.reason


def test_a_list_is_one_row():
    np.testing.assert_array_equal(codec().decode(b"[1, 2.5]"), [[1, 2.5]])


def test_a_list_of_lists_carries_many_rows():
    np.testing.assert_array_equal(
        codec().decode(b"[[1, 2], [3, 4], [5, 6]]"), [[1, 2], [3, 4], [5, 6]]
    )


def test_images_are_nested_lists():
    image = np.arange(6).reshape(2, 3)
    decoded = codec(shape=(2, 3)).decode(json.dumps(image.tolist()).encode())
    np.testing.assert_array_equal(decoded, image[np.newaxis])


def test_the_list_is_found_in_a_field_by_its_path():
    value = b'{"id": "a", "payload": {"values": [1, 2], "other": null}}'
    np.testing.assert_array_equal(codec(field="payload.values").decode(value), [[1, 2]])


def test_what_is_encoded_with_a_field_has_that_field():
    nested = codec(field="payload.values")
    assert nested.encode(np.array([1, 2])) == b'{"payload": {"values": [1, 2]}}'


@pytest.mark.parametrize("value", [{"payload": {}}, {"payload": [1, 2]}, {}, [1, 2], 3, None])
def test_a_missing_field_is_undecodable_and_named(value):
    with pytest.raises(DecodeError, match=r"no field 'payload\.values'") as caught:
        codec(field="payload.values").decode(json.dumps(value).encode())
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_literals_for_what_is_not_finite_are_refused(constant):
    assert reason(b"[1, " + constant + b"]") == "non_finite"


def test_a_whole_number_beyond_float64_is_not_finite():
    assert reason(b"[1, 1" + b"0" * 400 + b"]") == "non_finite"


def test_whole_numbers_beyond_64_bits_are_numbers():
    np.testing.assert_array_equal(codec().decode(b"[36893488147419103232, 1]"), [[2.0**65, 1]])


@pytest.mark.parametrize("cell", ["2", True, None, {}])
@pytest.mark.parametrize("place", ["one row", "all rows"])
def test_anything_but_numbers_is_the_wrong_dtype(cell, place):
    value = [1, cell] if place == "one row" else [[1, 2], [3, cell]]
    assert reason(value) == "wrong_dtype"


@pytest.mark.parametrize(
    "value", [[1], [1, 2, 3], [[1, 2], [3]], [[1, 2], 3], [[[1, 2]]], [[1, 2], [3, [4]]]]
)
def test_lists_of_another_shape_are_the_wrong_shape(value):
    assert reason(value) == "wrong_shape"


@pytest.mark.parametrize("value", [[], [[]], [[], []]])
def test_lists_without_numbers_are_empty(value):
    assert reason(value) == "empty"


@pytest.mark.parametrize(
    "value", [b"", b"[1, 2", b"[1, 2] x", b"\xff\xfe\xfd", b"1", b'"ab"', b"{}"]
)
def test_what_is_no_list_is_undecodable(value):
    assert reason(value) == "undecodable"


def test_lists_deeper_than_an_array_can_be_are_the_wrong_shape():
    assert reason(b"[" * 100 + b"1" + b"]" * 100) == "wrong_shape"


BRACKETS = [kind for kind in BOMBS if kind.startswith(("lists", "objects", "empty lists"))]


@pytest.mark.parametrize("kind", BRACKETS)
def test_8_mb_of_lists_that_are_no_rows_take_no_second_and_little_memory(kind):
    verdict = check(VARIANTS["json"][0], BOMBS[kind](8 * 2**20))
    assert verdict.ending == "wrong_shape"


@pytest.mark.parametrize("shape", [(1,), (1, 1), (2, 1, 1), (1, 3)])
def test_rows_of_small_lists_written_densely_are_no_bomb(shape):
    row = json.dumps(np.ones(shape, int).tolist(), separators=(",", ":"))
    rows = (2 * SPARE_BRACKETS) // row.count("[")
    value = f"[{','.join([row] * rows)}]".encode()
    assert codec(shape).decode(value).shape == (rows, *shape)


def test_other_lists_beside_the_rows_are_no_bomb():
    value = json.dumps({"values": [1, 2], "boxes": [[[0, 0], [1, 1]]] * 1000}).encode()
    np.testing.assert_array_equal(codec(field="values").decode(value), [[1, 2]])


@pytest.mark.parametrize("value", [b"[1, 2]", b"[1, NaN]", b"[1"])
@pytest.mark.parametrize("collecting", [True, False])
def test_parsing_leaves_the_garbage_collector_as_it_was(value, collecting):
    if not collecting:
        gc.disable()
    try:
        try:
            codec().decode(value)
        except DecodeError:
            assert value != b"[1, 2]"
        assert gc.isenabled() == collecting
    finally:
        gc.enable()
