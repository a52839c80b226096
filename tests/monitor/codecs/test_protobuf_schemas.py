"""Which message a Protobuf payload is, and where its schema comes from."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from monitor.codecs.framing import framed
from monitor.codecs.protobuf import MAX_SCHEMAS
from monitor.codecs.protobuf_wire import framed_indexes, message_indexes
from monitor.codecs.schemas import SchemaText
from monitor.errors import SchemaUnavailableError
from tests.fuzz.protobuf_edits import filled, tag
from tests.monitor.codecs.protobuf_codecs import (
    READING,
    Known,
    Reading,
    codec,
    refused,
    registered,
)
from tests.monitor.codecs.protobuf_messages import descriptor, field, message_class, serialized

WRONG = {
    "a field": (["temperature"], "no field for 'temperature'; it has id, temp, motor"),
    "within": (["motor.speed"], "no field for 'motor.speed'; it has rpm"),
    "a message": (["motor"], "is a message plant.Motor"),
    "a list": (["axes"], "is repeated: a feature is one item of it, as axes.0"),
    "a map": (["values"], "is a map: a feature is one of its keys"),
    "a key": (["motors.x.rpm"], "has numbers as keys"),
    "a large key": (["motors.9999999999.rpm"], "has numbers as keys"),
    "a wrapper and its value": (["pressure", "pressure.value"], "has values within"),
    "a value and its wrapper": (["pressure.value", "pressure"], "has values within"),
    "within a number": (["temp.x"], "no field for 'temp.x'"),
    "two names": (["next.temp", "motor.rpm", "Odd name (C)", "odd"], "by different names"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_schema_that_lacks_a_feature_is_refused_by_name(kind):
    names, text = WRONG[kind]
    with pytest.raises(ValueError, match=r".") as caught:
        codec(*names)
    assert text in str(caught.value)
    known = Known({1: SchemaText("PROTOBUF", serialized())})
    built = registered(known, *names)
    for _ in range(2):
        reason, said = refused(built, framed(1, READING))
        assert (reason, text in said, said.startswith("schema 1: ")) == ("undecodable", True, True)
    assert known.asked == [1]


def test_framed_payloads_are_read_by_the_message_that_they_name():
    known = Known({1: SchemaText("PROTOBUF", serialized())})
    built = registered(known, "temp")
    other = message_class("plant.Other")(temp=1.5).SerializeToString()
    for _ in range(2):
        assert built.decode(framed(1, b"\0" + other)).tolist() == [[1.5]]
        value = Reading(temp=3).SerializeToString()
        assert built.decode(framed(1, READING + value)).tolist() == [[3]]
    assert built.decode(framed(1, framed_indexes((3, 0)) + other)).tolist() == [[1.5]]
    assert known.asked == [1, 1, 1]
    assert "no message at [9]" in refused(built, framed(1, framed_indexes((9,))))[1]


def test_a_known_message_is_read_framed_or_not():
    built, value = codec("temp"), Reading(temp=3).SerializeToString()
    for payload in (value, framed(7, READING + value)):
        assert built.decode(payload).tolist() == [[3]]
    reason, said = refused(built, framed(7, b"\0" + value))
    assert (reason, "message [0] of its file, not [1]: codec.message" in said) == (
        "undecodable", True)  # fmt: skip


@pytest.mark.parametrize("indexes", [(0,), (1,), (0, 0), (5, 300, 2), (63, 64)])
def test_message_indexes(indexes):
    assert message_indexes(framed_indexes(indexes) + b"abc") == (indexes, b"abc")
    assert message_indexes(b"\2\0abc") == ((0,), b"abc")


def test_types_of_other_files_are_known():
    motor = FileDescriptorProto(name="a/motor.proto", package="p", syntax="proto3")
    field(motor.message_type.add(name="Motor"), 1, "rpm", "int32")
    own = FileDescriptorProto(name="default", syntax="proto3", dependency=["a/motor.proto"])
    field(own.message_type.add(name="R"), 1, "motor", ".p.Motor")
    reference = serialized(motor)
    known = Known({1: SchemaText("PROTOBUF", serialized(own), {"a/motor.proto": reference})})
    value = filled(1, tag(1, 0) + b"\7")
    assert registered(known, "motor.rpm").decode(framed(1, b"\0" + value)).tolist() == [[7]]
    files = FileDescriptorSet(file=[own, motor]).SerializeToString()
    both = {"descriptor": files, "message": ".R"}
    assert codec("motor.rpm", settings=both).decode(value).tolist() == [[7]]
    with pytest.raises(ValueError, match="protoc --include_imports"):
        codec("motor.rpm", settings=both | {"descriptor": descriptor(own)})


UNREADABLE = {
    "text": (
        SchemaText("PROTOBUF", 'syntax = "proto3";'),
        "set codec.descriptor and codec.message",
    ),
    "another kind": (SchemaText("AVRO", "{}"), "schema 1 is not Protobuf, but AVRO"),
    "itself": (SchemaText("PROTOBUF", serialized(), {"plant.proto": serialized()}), "itself"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_schema_that_is_not_read_is_told(kind):
    schema, text = UNREADABLE[kind]
    reason, said = refused(registered(Known({1: schema}), "temp"), framed(1, b"\0"))
    assert (reason, text in said) == ("undecodable", True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"descriptor": b"\xff"}, "not a descriptor set"), ({"descriptor": b""}, "without files"),
        ({"message": "plant.Gone"}, "no message is called 'plant.Gone'"),
        ({"message": None}, "codec.message"), ({"field": "gone.x"}, "no field 'gone.x'"),
    ],
)  # fmt: skip
def test_a_descriptor_that_does_not_fit_is_told(settings, text):
    with pytest.raises(ValueError, match=text):
        codec("temp", settings=settings)


def test_a_registry_that_does_not_answer_is_no_fault_of_the_record():
    class Silent:
        def get(self, schema_id):
            raise SchemaUnavailableError("no answer")

    with pytest.raises(SchemaUnavailableError):
        registered(Silent(), "temp").decode(framed(1, b"\0"))


def test_the_schemas_that_are_kept_are_bounded():
    many = range(1, MAX_SCHEMAS + 3)
    known = Known(dict.fromkeys(many, SchemaText("PROTOBUF", serialized())))
    built = registered(known, "temp")
    for schema_id in (1, *many, 1, many[-1]):
        built.decode(framed(schema_id, READING + b"\x0a\1a"))
    assert len(known.asked) == MAX_SCHEMAS + 3  # the first was forgotten, the last was not
