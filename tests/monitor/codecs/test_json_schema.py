"""JSON whose schema is looked up."""

import json

import numpy as np
import pytest

from models.schema import Feature, Schema
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.framing import framed
from monitor.codecs.json_schema import MAX_SCHEMAS
from monitor.codecs.many import CannotEncodeError
from monitor.codecs.schemas import SchemaText
from monitor.errors import DecodeError, SchemaUnavailableError
from tests.monitor.codecs.protobuf_codecs import Known, refused

MIXED = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off")),
        Feature("door", "boolean"),
    )
)
VALUE = {"temp": 20.5, "motor": {"rpm": 7}, "state": "off", "door": True}
ROW = [20.5, 7, 1, 1]


def of(required=("temp", "state", "door"), more=None, **changes):
    properties = {
        "temp": {"type": "number"},
        "motor": {"type": "object", "properties": {"rpm": {"type": ["null", "integer"]}}},
        "state": {"type": "string"},
        "door": {"type": "boolean"},
    } | changes
    properties = {name: each for name, each in properties.items() if each is not None}
    return {"type": "object", "properties": properties, "required": list(required), **(more or {})}


CLOSED = {"additionalProperties": False}


def codec(*documents, kind="JSON", features=MIXED, **settings):
    known = Known()
    for number, document in enumerate(documents, 1):
        text = document if isinstance(document, str) else json.dumps(document)
        known[number] = SchemaText(kind, text)
    shape = (len(features.features) or 2,)
    made = CodecSettings(shape, features=features, schemas=known, **settings)
    return known, CODECS["json-schema"](made)


def sent(value, schema_id=1):
    return framed(schema_id, json.dumps(value).encode())


REFERENCE = {
    "$ref": "#/definitions/row", "definitions": {"row": of(temp={"$ref": "#/definitions/a~1b"}),
                                                 "a/b": {"type": "number"}},
}  # fmt: skip
FITS = {
    "as it should be": of(),
    "a reference": REFERENCE,
    "nothing": {},
    "true": True,
    "open": of(temp=None),
    "elsewhere": {"$ref": "other.json"},
    "combined": {"allOf": [of()], **CLOSED, "properties": {}},
    "a circle": {"$ref": "#"},
    "optional": of(required=()),
    "whole names": of(motor=None, **{"motor.rpm": {"type": "integer"}}, more=CLOSED),
    "without what may be missing": of(motor=None, more=CLOSED),
    "numbers for words": of(state={"type": ["integer", "null"]}),
    "no types": of(temp={"minimum": 3}, door={"type": 7}),
}


@pytest.mark.parametrize("kind", FITS)
def test_a_schema_that_fits_or_says_nothing_is_looked_up_once(kind):
    known, built = codec(FITS[kind])
    decode = Decoder(built, Limits(10**6, 10), schema=MIXED)
    for _ in range(3):
        np.testing.assert_array_equal(decode(sent(VALUE)), [ROW])
        np.testing.assert_array_equal(decode.all([sent(VALUE)] * 3).rows, [ROW] * 3)
    assert known.asked == [1]


WRONG = {
    "lacks a feature": (of(temp=None, more=CLOSED), "no property for 'temp'; it has 'motor'"),
    "text": (of(temp={"type": "string"}), "'temp' is string, not a number: set codec.numbers_as"),
    "an object": (of(state={"type": "object"}), "'state' is object, not a category"),
    "never there": (of(door={"type": "null"}), "'door' is null, not a boolean"),
    "no JSON": ("{", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_schema_that_does_not_fit_is_refused_by_name(kind):
    document, text = WRONG[kind]
    known, built = codec(document)
    for _ in range(2):
        reason, said = refused(built, sent(VALUE))
        assert (reason, text in said, said.startswith("schema 1")) == ("undecodable", True, True)
    assert known.asked == [1]
    assert not built.decode_many([sent(VALUE)]).counts.any()


def test_text_is_a_number_where_that_is_configured():
    built = codec(of(temp={"type": "string"}), numbers_as_text=True)[1]
    np.testing.assert_array_equal(built.decode(sent(VALUE | {"temp": "20.5"})), [ROW])


@pytest.mark.parametrize(
    ("document", "field", "text"),
    [
        ({"type": "array", "items": of(temp=None, more=CLOSED)}, None, "no property for 'temp'"),
        ({"properties": {"a": of(temp=None, more=CLOSED)}}, "a", "no property for 'temp'"),
        ({"properties": {"b": of()}, **CLOSED}, "a", "no property 'a'"),
        (of(motor={"properties": {"x": {}}, **CLOSED}), None, None),
    ],
)
def test_the_schema_of_the_records_is_looked_at(document, field, text):
    built = codec(document, field=field)[1]
    if text is None:
        np.testing.assert_array_equal(built.decode(sent(VALUE)), [ROW])
    else:
        assert text in refused(built, sent({"a": VALUE} if field else [VALUE]))[1]


def test_what_records_may_lack_is_said_once():
    said = []
    built = codec(of(required=["temp", "door"], door={"type": ["boolean", "null"]}),
                  say=said.append)[1]  # fmt: skip
    built.decode(sent(VALUE))
    built.decode(sent(VALUE))
    assert said == ["schema 1 does not require 'state', 'door': records without are dead letters"]


def test_models_without_names_need_only_a_known_schema():
    built = codec({"type": "array"}, features=Schema())[1]
    assert built.decode(sent([1, 2])).tolist() == [[1, 2]]
    many = built.decode_many([sent([1, 2]), sent([3, 4], 2), b"[5, 6]", b"\0"])
    assert many.counts.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (sent(VALUE, 9), "no schema 9"), (b"{}", "no Schema Registry framing"),
        (b"\0\0\0\0\1", "not JSON"), (framed(1, b"{"), "not JSON"),
    ],
)  # fmt: skip
def test_other_payloads_are_refused(value, text):
    reason, said = refused(codec(of())[1], value)
    assert (reason, text in said) == ("undecodable", True)


def test_another_kind_of_schema_is_named():
    assert "schema 1 is not JSON Schema, but AVRO" in refused(
        codec(of(), kind="AVRO")[1], sent(VALUE)
    )[1]  # fmt: skip


def test_a_registry_that_does_not_answer_is_no_fault_of_the_record():
    class Silent:
        def get(self, schema_id):
            raise SchemaUnavailableError("no answer")

    built = CODECS["json-schema"](CodecSettings((2,), schemas=Silent()))
    assert built.decode_many([sent([1, 2])]).counts.tolist() == [0]
    with pytest.raises(SchemaUnavailableError):
        built.decode(sent([1, 2]))


def test_the_verdicts_that_are_kept_are_bounded():
    known, built = codec(*[{}] * (MAX_SCHEMAS + 2))
    for schema_id in (1, *range(2, MAX_SCHEMAS + 3), 1, MAX_SCHEMAS + 2):
        built.decode(sent(VALUE, schema_id))
    assert len(known.asked) == MAX_SCHEMAS + 3


def test_only_producers_know_their_schema():
    with pytest.raises(CannotEncodeError, match="schema"):
        codec(of())[1].encode(np.zeros(4))
    with pytest.raises(DecodeError):
        codec(of())[1].decode(CODECS["json"](CodecSettings((2,))).encode(np.zeros(2)))
