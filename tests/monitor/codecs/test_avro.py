"""Avro payloads, framed and not."""

import io
import json
import sys
from decimal import Decimal

import fastavro
import numpy as np
import pytest

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.avro import MAX_SCHEMAS, AvroCodec
from monitor.codecs.avro_schema import NESTED_BYTES
from monitor.codecs.framing import framed
from monitor.codecs.many import CannotEncodeError
from monitor.codecs.schemas import SchemaText
from monitor.errors import DecodeError, SchemaUnavailableError
from tests.fuzz.avro_edits import long

PAIR = Schema.numbers(("temp", "pressure"))
MIXED = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off")),
        Feature("door", "boolean"),
    )
)
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
NESTED = {
    "type": "record", "name": "Reading", "namespace": "plant", "fields": [
        {"name": "id", "type": "string"},
        {"name": "temp", "type": ["null", "float"]},
        {"name": "motor", "type": {"type": "record", "name": "Motor", "fields": [
            {"name": "rpm", "type": ["null", "int"]}]}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["on", "off", "x"]}},
        {"name": "door", "type": "boolean"},
        {"name": "points", "type": {"type": "array", "items": {
            "type": "record", "name": "Point", "fields": [{"name": "x", "type": "double"}]}}},
    ],
}  # fmt: skip
VALUE = {"id": "a", "temp": 20.5, "motor": {"rpm": 7}, "state": "off", "door": True,
         "points": [{"x": 1.0}] * 3}  # fmt: skip


def record(*fields):
    return {"type": "record", "name": "R", "fields": [{"name": n, "type": t} for n, t in fields]}


def written(schema, value):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


class Known(dict):
    """Schemas by id. asked: the ids, in order."""

    def __init__(self, **schemas):
        super().__init__()
        self.asked = []

    def get(self, schema_id):
        self.asked.append(schema_id)
        if schema_id not in self:
            raise DecodeError("undecodable", f"the schema registry has no schema {schema_id}")
        return self[schema_id]


def codec(features=PAIR, schema=None, shape=None, **options):
    text = None if schema is None else json.dumps(schema)
    shape = shape or (len(features.features),)
    return AvroCodec(CodecSettings(shape, features=features, schema_text=text, **options))


def registered(*schemas, features=MIXED, kind="AVRO", **options):
    known = Known()
    for number, schema in enumerate(schemas, 1):
        known[number] = SchemaText(kind, json.dumps(schema))
    return known, codec(features, schemas=known, **options)


def refused(built, value):
    with pytest.raises(DecodeError) as caught:
        built.decode(value)
    assert len(str(caught.value)) < 400
    return caught.value.reason, str(caught.value)


def test_a_record_is_read_by_the_names_of_the_features():
    np.testing.assert_array_equal(
        codec(MIXED, NESTED).decode(written(NESTED, VALUE)), [[20.5, 7, 1, 1]]
    )
    missing = VALUE | {"motor": {"rpm": None}, "state": "x", "door": False}
    np.testing.assert_array_equal(
        codec(MIXED, NESTED).decode(written(NESTED, missing)), [[20.5, np.nan, 2, 0]]
    )


def test_framed_records_are_read_by_the_schema_that_they_name():
    other = record(("pressure", "double"), ("temp", "int"), ("more", {"type": "map", "values":
                   "string"}))  # fmt: skip
    first = record(("temp", "float"), ("pressure", "long"))
    known, built = registered(first, other, features=PAIR)
    for _ in range(3):
        one = framed(1, written(first, {"temp": 1.5, "pressure": 2}))
        two = framed(2, written(other, {"temp": 3, "pressure": 4.5, "more": {"a": "b"}}))
        assert built.decode(one).tolist() == [[1.5, 2]]
        assert built.decode(two).tolist() == [[3, 4.5]]
    assert known.asked == [1, 2]


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [("int", 3, 3), ("long", -(2**40), -(2**40)), ("float", 0.5, 0.5), ("double", 1e300, 1e300),
     (["null", "double"], 2.5, 2.5), (["string", "int"], 4, 4), (DECIMAL, Decimal("12.34"), 12.34)],
)  # fmt: skip
def test_all_kinds_of_numbers(kind, value, number):
    schema = record(("temp", kind), ("pressure", "double"))
    payload = written(schema, {"temp": value, "pressure": 1.0})
    assert codec(PAIR, schema).decode(payload).tolist() == [[number, 1]]


@pytest.mark.parametrize(
    ("kind", "value", "reason", "text"),
    [
        ("string", "1.5", "wrong_dtype", "set codec.numbers_as_text"),
        ("boolean", True, "wrong_dtype", "'temp': a number expected"),
        ("bytes", b"1", "wrong_dtype", "'temp': a number expected"),
        (["null", "int"], None, "missing_value", "no value for 'temp'"),
        ("double", float("nan"), "missing_value", "no value for 'temp'"),
        ("double", float("inf"), "non_finite", "'temp'"),
        ({"type": "array", "items": "double"}, [1.0], "wrong_dtype", "got a list"),
        ({"type": "long", "logicalType": "timestamp-millis"}, 0, "wrong_dtype", "datetime"),
    ],
)
def test_what_is_no_number_is_refused_by_name(kind, value, reason, text):
    schema = record(("temp", kind), ("pressure", "double"))
    found, said = refused(codec(PAIR, schema), written(schema, {"temp": value, "pressure": 1.0}))
    assert found == reason
    assert text in said


def test_a_field_that_the_schema_lacks_is_named():
    schema = record(("temperature", "double"), ("pressure", "double"))
    payload = written(schema, {"temperature": 1.0, "pressure": 2.0})
    reason, said = refused(codec(PAIR, schema), payload)
    assert (reason, "the record has temperature, pressure" in said) == ("missing_value", True)


def test_records_and_lists_in_a_field():
    numbers = record(("v", record(("w", {"type": "array", "items": "float"})) | {"name": "In"}))
    payload = written(numbers, {"v": {"w": [1.5, 2.5]}})
    built = codec(Schema(), numbers, (2,), field="v.w")
    assert built.decode(payload).tolist() == [[1.5, 2.5]]
    assert "no field 'v.x'" in refused(codec(Schema(), numbers, (2,), field="v.x"), payload)[1]
    inner = record(("temp", "int"), ("pressure", "int")) | {"name": "In"}
    schema = record(("id", "int"), ("v", inner))
    payload = written(schema, {"id": 1, "v": {"temp": 1, "pressure": 2}})
    assert codec(PAIR, schema, field="v").decode(payload).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "no Schema Registry framing"), (b"\0\0\0\0", "no Schema Registry framing"),
        (b"\1\0\0\0\1abc", "no Schema Registry framing"), (framed(9, b"abc"), "no schema 9"),
        (framed(1, b"\x02"), "ends too soon"),
        (framed(1, written(NESTED, VALUE)) + b"!", "1 bytes after the end"),
    ],
)  # fmt: skip
def test_what_is_not_framed_or_not_whole_is_refused(value, text):
    reason, said = refused(registered(NESTED)[1], value)
    assert (reason, text in said) == ("undecodable", True)


LOOP = record(("temp", "double"), ("next", ["null", "R"]))
UNREADABLE = {
    "recursive": (LOOP, "within itself"),
    "nothing again and again": (
        record(("temp", "double"), ("x", {"type": "array", "items": "null"})), "no bytes"),
    "empty records": (record(("x", {"type": "array", "items": record() | {"name": "E"}})),
                      "no bytes"),
    "of nothing": (
        record(("x", {"type": "map", "values": record(("n", "null")) | {"name": "E"}})), "no byt"),
    "unknown type": (record(("temp", "nonsense")), "not an Avro schema"),
    "no schema": ({"a": 1}, "not an Avro schema"),
    "a number": (7, "not an Avro schema"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_schema_that_could_make_much_of_little_is_not_read(kind):
    schema, text = UNREADABLE[kind]
    with pytest.raises(ValueError, match=text):
        codec(PAIR, schema)
    known, built = registered(schema)
    for _ in range(3):
        reason, said = refused(built, framed(1, b"\0\0\0"))
        assert (reason, text in said) == ("undecodable", True)
    assert known.asked == [1]


def test_lists_of_records_are_read_up_to_a_bound():
    payload = written(NESTED, VALUE | {"points": [{"x": 0.0}] * 10_000})
    assert codec(MIXED, NESTED).decode(payload).shape == (1, 4)
    claimed = written(NESTED, VALUE | {"points": []})[:-1] + long(2**60) + bytes(800)
    assert refused(codec(MIXED, NESTED), claimed)[0] == "undecodable"
    long_list = written(NESTED, VALUE | {"points": [{"x": 0.0}] * (NESTED_BYTES // 8)})
    assert refused(codec(MIXED, NESTED), long_list)[0] == "oversized"


def test_another_kind_of_schema_is_named():
    built = registered(NESTED, kind="PROTOBUF")[1]
    assert "schema 1 is not Avro, but PROTOBUF" in refused(built, framed(1, b""))[1]


def test_a_registry_that_does_not_answer_is_no_fault_of_the_record():
    class Silent:
        def get(self, schema_id):
            raise SchemaUnavailableError("no answer")

    with pytest.raises(SchemaUnavailableError):
        codec(PAIR, schemas=Silent()).decode(framed(1, b"abc"))


def test_the_schemas_that_are_kept_are_bounded():
    schema = record(("temp", "int"), ("pressure", "int"))
    known, built = registered(*[schema] * (MAX_SCHEMAS + 2), features=PAIR)
    payload = written(schema, {"temp": 1, "pressure": 2})
    for schema_id in (1, *range(2, MAX_SCHEMAS + 3), 1, MAX_SCHEMAS + 2):
        built.decode(framed(schema_id, payload))
    assert len(known.asked) == MAX_SCHEMAS + 3  # the first was forgotten, the last was not


def test_types_from_references_are_known():
    motor = {"type": "record", "name": "plant.Motor", "fields": [{"name": "rpm", "type": "int"}]}
    schema = record(("temp", "double"), ("motor", "plant.Motor"), ("state", "string"),
                    ("door", "boolean"))  # fmt: skip
    known, built = registered(features=MIXED)
    known[5] = SchemaText("AVRO", json.dumps(schema), {"plant.Motor": json.dumps(motor)})
    whole = json.loads(json.dumps(schema).replace('"plant.Motor"', json.dumps(motor)))
    value = {"temp": 1.0, "motor": {"rpm": 2}, "state": "on", "door": False}
    np.testing.assert_array_equal(built.decode(framed(5, written(whole, value))), [[1, 2, 0, 0]])


@pytest.mark.parametrize("features", [PAIR, MIXED, Schema()], ids=["pair", "mixed", "none"])
def test_what_is_encoded_by_the_models_own_schema_comes_back(features):
    shape = (len(features.features) or 4,)
    row = np.array([1.5, np.nan, 1, 0]) if features is MIXED else np.arange(shape[0]) + 0.5
    built = codec(features, shape=shape)
    np.testing.assert_array_equal(built.decode(built.encode(row)), [row])


def test_rows_that_only_producers_can_write():
    with pytest.raises(CannotEncodeError):
        registered(NESTED)[1].encode(np.zeros(4))
    with pytest.raises(CannotEncodeError, match="carries no row"):
        codec(PAIR, NESTED).encode(np.zeros(2))


def test_without_fastavro_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(ValueError, match=r"pip install 'aead-monitor\[avro\]'"):
        codec()
