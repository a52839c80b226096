"""Records that carry the features by name, as JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.json_list import JsonCodec
from monitor.errors import DecodeError
from tests.fuzz.bombs import JSON as BOMBS
from tests.fuzz.check import Variant, check

PAIR = Schema.numbers(("temp", "pressure"))
MIXED = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off", "3", "true", "2.5", "7.0"), missing=True),
        Feature("door", "boolean"),
    )
)
NAN = float("nan")


def codec(features=PAIR, **options):
    return JsonCodec(CodecSettings((len(features.features),), features=features, **options))


def rows_of(text, features=PAIR, max_rows=10, **options):
    """Rows of one payload, which in a batch are the same."""
    value = text if isinstance(text, bytes) else json.dumps(text).encode()
    built = codec(features, max_rows=max_rows, **options)
    decode = Decoder(built, Limits(10**6, max_rows), schema=features)
    decoded = decode.all([value, value])
    try:
        rows = decode(value)
    except DecodeError as error:
        assert [(e.reason, str(e)) for e in decoded.failures.values()] == [
            (error.reason, str(error))
        ] * 2
        assert len(str(error)) < 400
        raise
    np.testing.assert_array_equal(decoded.rows, np.concatenate([rows, rows]))
    return rows


def refused(text, features=PAIR, **options):
    with pytest.raises(DecodeError) as caught:
        rows_of(text, features, **options)
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        {"temp": 21.5, "pressure": 2},
        {"pressure": 2, "temp": 21.5},
        {"pressure": 2, "id": "x", "temp": 21.5, "more": {"temp": 3, "temps": [1, {}]}},
        [{"temp": 21.5, "pressure": 2}],
        b'{"temp": 21.5, "pressure": 2}\n',
        b'\n{"temp": 21.5, "pressure": 2}\n\n',
        b'{"temp": 21.5, "pressure": 2, "x": NaN}',
        b'{"temp": 21.5, "pressure": 2, "x": {"a": 1, "a": 2}}',
    ],
)
def test_features_are_found_by_name(text):
    assert rows_of(text).tolist() == [[21.5, 2]]


@pytest.mark.parametrize(
    "text",
    [
        [{"temp": 1, "pressure": 2}, {"pressure": 4, "temp": 3}],
        b'{"temp": 1, "pressure": 2}\n{"temp": 3, "pressure": 4}',
        b'{"temp": 1, "pressure": 2}\r\n{"temp": 3, "pressure": 4}\r\n',
        b'\n {"temp": 1,\t"pressure": 2}\n\n{"temp": 3, "pressure": 4}\n\n',
    ],
)
def test_several_rows_are_a_list_of_objects_or_one_a_line(text):
    assert rows_of(text).tolist() == [[1, 2], [3, 4]]


def test_objects_may_be_in_a_field_each_or_together():
    one, two = {"temp": 1, "pressure": 2}, {"temp": 3, "pressure": 4}
    for text in ({"v": {"w": [one, two]}}, [{"v": {"w": one}}, {"v": {"w": two}}]):
        assert rows_of(text, field="v.w").tolist() == [[1, 2], [3, 4]]
    assert rows_of({"v": {"w": one}, "z": 1}, field="v.w").tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ({"a.b": 1, "c.0": 2}, [1, 2]),
        ({"a": {"b": 1}, "c": [2, 3]}, [1, 2]),
        ({"a": {"b": 1, "x": 0}, "c": {"0": 2}}, [1, 2]),
        ({"a.b": 1, "a": {"b": 9}, "c": [2]}, [1, 2]),
    ],
)
def test_a_name_with_dots_may_be_a_path(text, row):
    assert rows_of(text, Schema.numbers(("a.b", "c.0"))).tolist() == [row]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ({"temp": 1, "motor.rpm": 2, "state": "off", "door": True}, [1, 2, 1, 1]),
        ({"temp": 1, "motor": {"rpm": 2}, "state": 3, "door": 0}, [1, 2, 2, 0]),
        ({"temp": 1, "state": True, "door": False}, [1, NAN, 3, 0]),
        ({"temp": 1, "motor.rpm": None, "state": None, "door": 1.0}, [1, NAN, NAN, 1]),
        ({"temp": 1, "state": "never seen", "door": 1}, [1, NAN, 6, 1]),
        ({"temp": 1, "state": 2.5, "door": 1}, [1, NAN, 4, 1]),
        ({"temp": 1, "state": 3.0, "door": 1}, [1, NAN, 2, 1]),
        ({"temp": 1, "state": 7, "door": 1}, [1, NAN, 5, 1]),
        ({"temp": 1, "state": 10**400, "door": 1}, [1, NAN, 6, 1]),
        (b'{"temp": 1, "motor.rpm": NaN, "state": "on", "door": 1}', [1, NAN, 0, 1]),
        (b'{"temp": 1, "motor": {"rpm": null}, "state": NaN, "door": 1}', [1, NAN, NAN, 1]),
    ],
)
def test_values_become_numbers_as_the_schema_says(text, row):
    np.testing.assert_array_equal(rows_of(text, MIXED), [row])


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ({"temp": 1, "pres": 2}, "missing_value", "no value for 'pressure'; the record has temp"),
        ({"temp": None, "pressure": 2}, "missing_value", "no value for 'temp'"),
        ({}, "missing_value", "no value for 'temp'"),
        (b'{"temp": NaN, "pressure": 2}', "missing_value", "no value for 'temp'"),
        (b'{"temp": Infinity, "pressure": 2}', "non_finite", "'temp': beyond the range"),
        (b'{"temp": 1e999, "pressure": 2}', "non_finite", "'temp': beyond the range"),
        ({"temp": 10**400, "pressure": 2}, "non_finite", "'temp': beyond the range"),
        ({"temp": True, "pressure": 2}, "wrong_dtype", "'temp': a number expected, got true or f"),
        ({"temp": [1], "pressure": 2}, "wrong_dtype", "'temp': a number expected, got a list"),
        ({"temp": {"v": 1}, "pressure": 2}, "wrong_dtype", "'temp': a number expected, got an obj"),
        ({"temp": "1.5", "pressure": 2}, "wrong_dtype", "set codec.numbers_as_text: true"),
        ({"temp": "warm", "pressure": 2}, "wrong_dtype", "got the text 'warm'"),
        (b'{"temp": 1, "pressure": 2, "temp": 3}', "undecodable", "the key 'temp' is there twice"),
        (b'{"temp": 1, "pressure": 2, "x": 3, "x": 3}', "undecodable", "the key 'x' is there"),
        ([{"temp": 1, "pressure": 2}, {"temp": 1}], "missing_value", "row 1: no value for 'pressu"),
        ([{"temp": 1, "pressure": 2}, 3], "wrong_shape", "row 1: an object of features expected"),
        (b'{"temp": 1, "pressure": 2}\n{"temp": 1', "undecodable", "line 2 is not JSON"),
        (b'{"temp": 1, "pressure": 2}\n' * 11, "too_many_rows", "11 rows, more than 10"),
        (b'{"temp": 1, "pressure": 2}\n' * 99, "too_many_rows", "more lines than 10"),
        ([{"temp": 1, "pressure": 2}] * 11, "too_many_rows", "11 rows, more than 10"),
        (b'{"temp": 1, "pressure": 2} x', "undecodable", "not JSON"),
        ("text", "undecodable", "a list expected"),
        ({f"k{i}": i for i in range(1000)}, "missing_value", "and 992 more"),
        ({"\ud800" * 99: 1}, "missing_value", "no value for 'temp'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_feature(text, reason, said):
    found, message = refused(text)
    assert found == reason
    assert said in message
    message.encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"temp": 1, "state": "on"}, "no value for 'door'"),
        ({"temp": 1, "state": [], "door": 1}, "'state': a text expected, got a list"),
        ({"temp": 1, "state": "on", "door": 2}, "'door': true or false expected, got a number"),
        ({"temp": 1, "state": "on", "door": "true"}, "got the text 'true'"),
        (b'{"temp": 1, "motor": {"rpm": 1, "rpm": 2}, "state": "on", "door": 1}', "'rpm' is there"),
        ([1, 2, 0, 1], "set codec.by_position: true"),
        ([[1, 2, 0, 1]], "set codec.by_position: true"),
    ],
)
def test_a_schema_of_all_kinds_refuses_by_name(text, said):
    assert said in refused(text, MIXED)[1]


AS_TEXT = {"numbers_as_text": True}


@pytest.mark.parametrize("text", ["21.5", " +21.50 ", "2.15e1", "2150E-2", ".215e2", "21.5\n"])
def test_numbers_as_text_are_numbers_where_the_configuration_says_so(text):
    assert rows_of({"temp": text, "pressure": 2}, **AS_TEXT).tolist() == [[21.5, 2]]


@pytest.mark.parametrize(
    "text", ["21,5", "1_000", "0x10", "nan", "inf", "1e", "--1", "١", "1" * 500, "1 2", "e5"]
)
def test_other_texts_are_no_numbers(text):
    assert refused({"temp": text, "pressure": 2}, **AS_TEXT)[0] == "wrong_dtype"


def test_texts_of_other_kinds():
    text = {"temp": "1", "motor.rpm": "", "state": "", "door": "True"}
    np.testing.assert_array_equal(rows_of(text, MIXED, **AS_TEXT), [[1, NAN, 6, 1]])
    assert refused({"temp": "", "pressure": 2}, **AS_TEXT)[0] == "missing_value"
    assert refused({"temp": "1e999", "pressure": 2}, **AS_TEXT)[0] == "non_finite"


def test_lists_of_numbers_are_taken_in_order_and_that_is_said_once_a_payload_at_least():
    said = []
    assert rows_of([1, 2], say=said.append).tolist() == [[1, 2]]
    assert rows_of([[1, 2], [3, 4]], say=said.append).tolist() == [[1, 2], [3, 4]]
    assert rows_of(b"[1, 2]\n[3, 4]", say=said.append).tolist() == [[1, 2], [3, 4]]
    assert len(set(said)) == 1
    assert "in the order of the training data" in said[0]
    said.clear()
    rows_of([1, 2], say=said.append, by_position=True)
    rows_of({"temp": 1, "pressure": 2}, say=said.append)
    assert said == []


@pytest.mark.parametrize("text", [[1], [1, 2, 3], [[1, 2], [3]], []])
def test_lists_of_another_length_are_refused(text):
    assert refused(text)[0] in ("wrong_shape", "empty")


def test_lists_of_all_kinds_are_taken_by_position_where_the_configuration_says_so():
    text = [[1, None, "off", True], [2, 3, 3, 0]]
    rows = rows_of(text, MIXED, by_position=True)
    np.testing.assert_array_equal(rows, [[1, NAN, 1, 1], [2, 3, 2, 0]])
    np.testing.assert_array_equal(rows_of(text[0], MIXED, by_position=True), rows[:1])
    assert refused([1, 2, 3], MIXED, by_position=True)[0] == "wrong_shape"
    assert refused([True, 2, "on", 0], MIXED, by_position=True)[0] == "wrong_dtype"


def test_further_keys_are_refused_where_the_configuration_says_so():
    assert rows_of({"temp": 1, "pressure": 2}, refuse_extra=True).tolist() == [[1, 2]]
    reason, message = refused({"temp": 1, "pressure": 2, "flow": 3}, refuse_extra=True)
    assert (reason, "no feature flow" in message) == ("wrong_shape", True)
    nested = {"temp": 1, "motor": {"rpm": 3}, "state": "on", "door": 1}
    assert rows_of(nested, MIXED, refuse_extra=True).shape == (1, 4)


def test_a_model_without_names_says_where_its_list_may_be():
    built = JsonCodec(CodecSettings((2,)))
    with pytest.raises(DecodeError, match=r"set codec\.field|Set codec\.field.*keys are 'temp'"):
        built.decode(b'{"temp": 1}')


def test_what_is_encoded_is_an_object_that_comes_back():
    row = np.array([1.5, NAN, 6, 1])
    built = codec(MIXED, field="a.b")
    sent = json.loads(built.encode(row))
    assert sent == {"a": {"b": {"temp": 1.5, "motor.rpm": None, "state": "(other)", "door": True}}}
    np.testing.assert_array_equal(built.decode(built.encode(row)), [row])
    for bad in (NAN, np.inf):
        with pytest.raises(ValueError, match="finite"):
            codec().encode(np.array([1, bad]))


VALUES = st.sampled_from(
    [0, 1, -2.5, 1e300, 2**60 + 1, True, False, None, "1", "on", "", [], [1], {}, {"rpm": 2}]
)
KEYS = st.sampled_from(["temp", "pressure", "motor", "motor.rpm", "state", "door", "x"])


@given(
    pairs=st.lists(st.tuples(KEYS, VALUES), max_size=7),
    features=st.sampled_from([PAIR, MIXED]),
    options=st.sampled_from([{}, AS_TEXT, {"refuse_extra": True}, {"field": "x"}]),
)
def test_the_fast_way_gives_the_rows_of_the_other(pairs, features, options):
    inner = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
    value = f"{{{inner}}}" if "field" not in options else f'{{"x": {{{inner}}}, "y": 1}}'
    built = codec(features, **options)
    many = built.decode_many([value.encode()])
    if many.counts[0]:
        np.testing.assert_array_equal(many.rows, built.decode(value.encode()))


NAMED_BOMBS = {
    **BOMBS,
    "keys": lambda size: b"{" + b",".join(b'"%07d":1' % i for i in range(size // 12)) + b"}",
    "one long key": lambda size: b'{"' + b"a" * (size - 10) + b'": 1}',
    "lines": lambda size: b"{}\n" * (size // 3),
    "lines of lists": lambda size: b"[]\n" * (size // 3),
    "documents in no lines": lambda size: b"{}" * (size // 2),
    "objects in objects": lambda size: b'{"temp":' * (size // 9) + b"1" + b"}" * (size // 9),
    "small objects": lambda size: b"[" + b'{"temp":1,"pressure":2},' * (size // 24) + b"{}]",
    "empty objects": lambda size: b"[" + b"{}," * (size // 3 - 1) + b"{}]",
}


@pytest.mark.parametrize("kind", NAMED_BOMBS)
@pytest.mark.parametrize("features", [PAIR, MIXED], ids=["pair", "mixed"])
def test_8_mb_of_anything_end_soon_and_in_little_memory(kind, features):
    settings = CodecSettings((len(features.features),), features=features)
    check(Variant("json", settings), NAMED_BOMBS[kind](8 * 2**20))
