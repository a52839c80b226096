"""Protobuf payloads by the names of the features, and what is wrong with them."""

import sys

import numpy as np
import pytest

from monitor.codecs.framing import framed
from monitor.codecs.many import CannotEncodeError
from monitor.codecs.protobuf_classes import SPARE_BYTES
from monitor.codecs.protobuf_wire import MOST_FIELDS
from tests.fuzz.protobuf_edits import filled, tag, varint
from tests.monitor.codecs.protobuf_codecs import Known, Reading, codec, read, refused, registered
from tests.monitor.codecs.protobuf_messages import plant

FOUND = {
    "number": ({"temp": 20.5}, "temp", 20.5),
    "absent without presence is 0": ({"id": "a"}, "temp", 0),
    "within": ({"motor": {"rpm": -7}}, "motor.rpm", -7),
    "optional, and 0": ({"level": 0.0}, "level", 0),
    "wrapped": ({"pressure": {"value": 1.5}}, "pressure", 1.5),
    "wrapped, and 0": ({"pressure": {}}, "pressure", 0),
    "item": ({"axes": [False, True]}, "axes.1", 1),
    "item of messages": ({"points": [{"x": 1}, {"y": 2.5}]}, "points.1.y", 2.5),
    "key": ({"values": {"v": 2.5}}, "values.v", 2.5),
    "key of messages": ({"motors": {4: {"rpm": 9}}}, "motors.4.rpm", 9),
    "type within itself": ({"next": {"next": {"temp": 3}}}, "next.next.temp", 3),
    "choice": ({"small": 3}, "small", 3),
    "enum as a number": ({"state": 2}, "state", 2),
    "name in JSON": ({"odd": 5}, "Odd name (C)", 5),
}


@pytest.mark.parametrize("kind", FOUND)
def test_a_feature_is_found_by_its_name(kind):
    values, name, number = FOUND[kind]
    truths = [name] if name.startswith("axes") else []
    assert read(Reading(**values), name, truths=truths) == [[number]]


@pytest.mark.parametrize(
    "name", ["motor.rpm", "level", "pressure", "axes.0", "points.3.x", "values.v", "motors.1.rpm",
             "next.temp", "small", "large.rpm", "gone", "motor.gone"],
)  # fmt: skip
def test_what_is_absent_is_missing(name):
    value = Reading(id="a").SerializeToString()
    assert np.isnan(codec(name, missing=[name]).decode(value)).all()
    if not name.endswith("gone"):
        assert refused(codec(name), value)[0] == "missing_value"


@pytest.mark.parametrize(("number", "code"), [(1, 0), (2, 1), (0, 2), (77, 2)])
def test_an_enum_is_a_category_by_its_name(number, code):
    assert read(Reading(id="a", state=number), "state", words=["state"]) == [[code]]


def test_of_a_choice_the_last_counts():
    small = Reading(small=3).SerializeToString()
    for last in (Reading(note="x"), Reading(large={})):
        value = small + last.SerializeToString()
        assert np.isnan(codec("small", missing=["small"]).decode(value)).all()
        assert codec("small").decode(value + small).tolist() == [[3]]


def test_lists_of_numbers_are_vectors_for_models_without_names():
    message = Reading(numbers=[0.5, 1.5, 2.5, 3.5])
    assert read(message, shape=(2, 2)) == [[[0.5, 1.5], [2.5, 3.5]]]
    for size, reason in ((3, "wrong_shape"), (5, "wrong_shape")):
        assert refused(codec(shape=(size,)), message.SerializeToString())[0] == reason
    assert refused(codec(shape=(3,)), b"\x0a\1a")[0] == "empty"
    within = {"field": "next.next.numbers"}
    nested = Reading(next={"next": {"numbers": [1, 2]}})
    assert read(nested, shape=(2,), settings=within) == [[1, 2]]


def test_a_record_within_a_message_or_a_map():
    message = Reading(motor={"rpm": 4}, values={"a": 1, "b.c": 2})
    assert read(message, "rpm", settings={"field": "motor"}) == [[4]]
    assert read(message, "a", "b.c", settings={"field": "values"}) == [[1, 2]]
    built = codec("rpm", settings={"field": "next.motor"})
    assert refused(built, b"\x0a\1a") == ("undecodable", "no field 'next.motor'")


@pytest.mark.parametrize("name", [n for n in FOUND if "absent" not in n])
def test_a_row_comes_back(name):
    feature = FOUND[name][1]
    other = "small" if feature == "temp" else "temp"
    built = codec(other, feature, truths=[feature] if "axes" in feature else ())
    row = np.array([2.0, 1.0])
    np.testing.assert_array_equal(built.decode(built.encode(row)), [row])


def test_fields_that_no_feature_has():
    said, names = [], ("temp", "motor.rpm")
    value = Reading(temp=1, motor={"rpm": 2}, id="x").SerializeToString()
    assert codec(*names, settings={"say": said.append}).decode(value).tolist() == [[1, 2]]
    assert len(said) == 1
    assert "'id', 'state'" in said[0]
    built = codec(*names, settings={"refuse_extra": True})
    assert built.decode(value[3:]).tolist() == [[1, 2]]
    assert refused(built, value) == (
        "wrong_shape", "the model has no feature 'id' (codec.extra: refuse)")  # fmt: skip
    for more, name in ((tag(99, 0) + b"\1", "99"), (tag(50, 3) + tag(1, 0) + b"\1" + tag(50, 4),
                                                    "50")):  # fmt: skip
        assert f"no feature '{name}'" in refused(built, value[3:] + more)[1]
    deep = codec("temp", settings={"refuse_extra": True, "field": "next"})
    assert deep.decode(filled(10, tag(2, 1) + bytes(8)) + value).tolist() == [[0]]
    assert "'id'" in refused(deep, filled(10, value))[1]
    of_map = codec("a", settings={"refuse_extra": True, "field": "values"})
    assert "'b'" in refused(of_map, Reading(values={"a": 1, "b": 1}).SerializeToString())[1]
    assert "more than" in refused(built, value[3:] * MOST_FIELDS)[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x12", "not Protobuf"), (b"\0\0\0\0", "no Schema Registry framing"),
        (framed(1, b""), "does not end"), (framed(1, b"\xff" * 20), "does not end"),
        (framed(1, varint(2 * 40)), "message indexes"), (tag(4, 3) * 5000, "not Protobuf"),
        (filled(15, b"\xff"), "a text is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_a_message_is_refused(value, text):
    built = codec("temp", "note", words=["note"])
    reason, said = refused(built, value)
    assert (reason, text in said) == ("undecodable", True)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("points.0.x", filled(11, b"")), ("points.0.x", b"\xda\x80\0\0"),
        ("motors.1.rpm", filled(7, b"\x12\0")),
        ("large.rpm", filled(14, b"") + tag(13, 0) + b"\1"),
        ("next.large.rpm", filled(10, filled(14, b"") + filled(15, b""))),
    ],
)  # fmt: skip
def test_messages_of_two_bytes_are_read_up_to_a_bound(name, unit):
    built = codec(name, missing=[name])
    assert built.decode(unit * 1000).shape == (1, 1)
    assert refused(built, unit * (SPARE_BYTES // len(unit)))[0] == "oversized"
    plain = codec("temp")
    assert plain.decode(unit * (SPARE_BYTES // len(unit))).tolist() == [[0]]


def test_large_payloads_with_few_messages_are_read():
    value = Reading(points=[{"x": 1.5}] * 1000, id="a" * SPARE_BYTES).SerializeToString()
    assert codec("points.0.x").decode(value).tolist() == [[1.5]]
    assert codec("large.rpm", missing=["large.rpm"]).decode(value).shape == (1, 1)


def test_what_a_field_does_not_take_is_not_written():
    for name, value in (("small", 1.5), ("state", np.nan), ("motor.rpm", 2.0**40)):
        with pytest.raises(ValueError, match=r"cannot be|finite"):
            codec(name).encode(np.array([value]))
    with pytest.raises(CannotEncodeError, match="schema"):
        registered(Known(), "temp").encode(np.zeros(1))
    with pytest.raises(CannotEncodeError, match="no bytes"):
        codec("level", missing=["level"]).encode(np.array([np.nan]))


def test_without_protobuf_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ValueError, match=r"pip install 'aead-monitor\[protobuf\]'"):
        codec("temp")


def test_the_schema_of_the_tests_has_real_and_synthetic_choices():
    names = [oneof.name for oneof in plant().message_type[1].oneof_decl]
    assert names == ["choice", "_level"]
