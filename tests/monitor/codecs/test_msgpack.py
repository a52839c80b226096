"""MessagePack payloads."""

import struct
from dataclasses import replace

import msgpack
import numpy as np
import pytest

from monitor.codecs import CodecSettings
from monitor.codecs.msgpack import MAX_FIELDS, MsgpackCodec
from monitor.errors import DecodeError
from tests.fuzz.check import check
from tests.fuzz.msgpack_bombs import BOMBS
from tests.fuzz.seeds import VARIANTS


def codec(shape=(2,), field=None, max_rows=100):
    return MsgpackCodec(CodecSettings(shape, field=field, max_rows=max_rows))


def reason(value, **settings):
    with pytest.raises(DecodeError) as caught:
        codec(**settings).decode(value if isinstance(value, bytes) else msgpack.packb(value))
    return caught.value.reason


def test_an_array_is_one_row_and_an_array_of_arrays_carries_many():
    np.testing.assert_array_equal(codec().decode(b"\x92\x01\xcb?\xf8" + bytes(6)), [[1, 1.5]])
    np.testing.assert_array_equal(codec().decode(msgpack.packb([[1, 2], [3, 4]])), [[1, 2], [3, 4]])


def test_images_are_nested_arrays():
    image = np.arange(6).reshape(2, 3)
    decoded = codec(shape=(2, 3)).decode(msgpack.packb(image.tolist()))
    np.testing.assert_array_equal(decoded, image[np.newaxis])
    assert decoded.dtype == np.float64


NUMBERS = {
    b"\x05": 5,
    b"\xff": -1,
    b"\xcc\xff": 255,
    b"\xcd\xff\xff": 65_535,
    b"\xce\xff\xff\xff\xff": 2**32 - 1,
    b"\xcf" + b"\xff" * 8: 2.0**64,
    b"\xd0\x80": -128,
    b"\xd1\x80\0": -(2**15),
    b"\xd2\x80\0\0\0": -(2**31),
    b"\xd3\x80" + bytes(7): -(2.0**63),
    b"\xca" + struct.pack(">f", 1.5): 1.5,
    b"\xcb" + struct.pack(">d", 1e300): 1e300,
}


@pytest.mark.parametrize("written", NUMBERS)
def test_every_form_of_a_number_is_read(written):
    np.testing.assert_array_equal(codec((1,)).decode(b"\x91" + written), [[NUMBERS[written]]])


@pytest.mark.parametrize("header", [b"\x92", b"\xdc\0\x02", b"\xdd\0\0\0\x02"])
def test_every_form_of_an_array_is_read(header):
    np.testing.assert_array_equal(codec().decode(header + b"\x01\x02"), [[1, 2]])


def test_the_array_is_found_in_a_field_by_its_path():
    value = {"id": "a", "payload": {"boxes": [[[0], {}]] * 9, "values": [1, 2]}, 7: b"x"}
    np.testing.assert_array_equal(
        codec(field="payload.values").decode(msgpack.packb(value)), [[1, 2]]
    )


@pytest.mark.parametrize(
    "key", [b"\xa1v", b"\xd9\x01v", b"\xda\0\x01v", b"\xdb\0\0\0\x01v"], ids=bytes.hex
)
def test_a_name_may_be_written_in_any_form_of_a_string(key):
    np.testing.assert_array_equal(
        codec(field="v").decode(b"\x81" + key + b"\x92\x01\x02"), [[1, 2]]
    )


def test_of_two_fields_of_a_name_the_last_counts_as_in_json():
    value = b"\x82\xa1v\x92\x01\x02\xa1v\x92\x03\x04"
    np.testing.assert_array_equal(codec(field="v").decode(value), [[3, 4]])


def test_what_is_encoded_with_a_field_has_that_field():
    nested = codec(field="payload.values")
    assert msgpack.unpackb(nested.encode(np.array([1, 2]))) == {"payload": {"values": [1, 2]}}


@pytest.mark.parametrize(
    ("dtype", "size"), [("uint8", 3), ("float16", 11), ("float32", 11), ("float64", 19)]
)
def test_floats_take_no_more_bytes_than_they_need(dtype, size):
    assert len(codec().encode(np.ones(2, dtype))) == size


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_encoded(number):
    with pytest.raises(ValueError, match="finite"):
        codec().encode(np.array([1, number]))


@pytest.mark.parametrize(
    "value", [{"payload": {}}, {"payload": [1, 2]}, {}, [1, 2], 3, None, {b"payload": {}}]
)
def test_a_missing_field_is_undecodable_and_named(value):
    with pytest.raises(DecodeError, match=r"no field 'payload\.values'") as caught:
        codec(field="payload.values").decode(msgpack.packb(value))
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize(
    "cell",
    ["2", b"2", True, None, {}, {"a": 1}, msgpack.ExtType(5, b""), msgpack.Timestamp(1)],
    ids=str,
)
@pytest.mark.parametrize("place", ["one row", "all rows"])
def test_anything_but_numbers_is_the_wrong_dtype(cell, place):
    value = [1, cell] if place == "one row" else [[1, 2], [3, cell]]
    assert reason(value) == "wrong_dtype"


@pytest.mark.parametrize(
    "value", [[1], [1, 2, 3], [[1, 2], [3]], [[1, 2], 3], [[[1, 2]]], [[1, 2], [3, [4]]]], ids=str
)
def test_arrays_of_another_shape_are_the_wrong_shape(value):
    assert reason(value) == "wrong_shape"


@pytest.mark.parametrize("value", [[], [[]], [[], []]], ids=str)
def test_arrays_without_numbers_are_empty(value):
    assert reason(value) == "empty"


@pytest.mark.parametrize(
    "value",
    [b"\x92\x01", b"\x92\x01\x02\x03", b"\xc1", b"\x92\x01\xc1", b"\x01", b"\xa2ab", b"\x80",
     b"\x92\x01\xa1\xff", b"\x92\x01\x81\x01\x01", b"\x92\x01\xc7\0\xff", b"\x91" * 2000 + b"\x01"],
    ids=lambda value: value[:4].hex(),
)  # fmt: skip
def test_what_is_no_whole_array_is_undecodable(value):
    assert reason(value) == "undecodable"


def test_more_rows_than_allowed_are_refused_by_what_they_claim():
    assert codec(max_rows=3).decode(msgpack.packb([[1, 2]] * 3)).shape == (3, 2)
    assert reason([[1, 2]] * 4, max_rows=3) == "too_many_rows"


def test_a_map_of_very_many_fields_is_not_searched():
    for fields, found in ((MAX_FIELDS, True), (MAX_FIELDS + 1, False)):
        value = {"v": [1, 2]} | {str(i): i for i in range(fields - 1)}
        if found:
            assert codec(field="v").decode(msgpack.packb(value)).tolist() == [[1, 2]]
        else:
            assert reason(value, field="v") == "undecodable"


@pytest.mark.parametrize("variant", VARIANTS["msgpack"], ids=lambda v: str(v.settings.record_shape))
@pytest.mark.parametrize("kind", BOMBS)
def test_nothing_of_8_mb_takes_a_second_or_much_memory(kind, variant):
    limits = replace(variant.limits, max_record_bytes=8 * 2**20)
    check(replace(variant, limits=limits), BOMBS[kind](8 * 2**20))
