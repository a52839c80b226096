"""A Protobuf schema with one of everything, compiled without protoc."""

import base64

from google.protobuf import wrappers_pb2  # noqa: F401  # its file is in the default pool
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from monitor.codecs import protobuf_files

KINDS = {
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed64": 6, "fixed32": 7,
    "bool": 8, "string": 9, "bytes": 12, "uint32": 13, "sfixed32": 15, "sfixed64": 16,
    "sint32": 17, "sint64": 18,
}  # fmt: skip


def field(message, number, name, kind, label=1, **more):
    """kind: a number's, or .NAME of a message, or ENUM of an enum."""
    if kind in KINDS:
        return message.field.add(name=name, number=number, label=label, type=KINDS[kind], **more)
    form = F.TYPE_ENUM if kind.startswith("enum") else F.TYPE_MESSAGE
    where = kind.removeprefix("enum")
    return message.field.add(
        name=name, number=number, label=label, type=form, type_name=where, **more
    )


def add_map(message, number, name, kind, key="string"):
    entry = message.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    field(entry, 1, "key", key)
    field(entry, 2, "value", kind)
    field(message, number, name, f".plant.{message.name}.{entry.name}", 3)


def plant() -> FileDescriptorProto:
    """The file of plant.Reading, after a message of another kind."""
    file = FileDescriptorProto(name="plant.proto", package="plant", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("unknown", "on", "off")):
        state.value.add(name=name, number=number)
    field(file.message_type.add(name="Other"), 1, "temp", "double")
    reading = file.message_type.add(name="Reading")
    field(reading, 1, "id", "string")
    field(reading, 2, "temp", "double")
    field(reading, 3, "motor", ".plant.Motor")
    field(reading, 4, "state", "enum.plant.State")
    field(reading, 5, "axes", "bool", 3)
    add_map(reading, 6, "values", "double")
    add_map(reading, 7, "motors", ".plant.Motor", key="int32")
    reading.oneof_decl.add(name="_level")
    reading.oneof_decl.add(name="choice")
    field(reading, 8, "level", "float", oneof_index=0, proto3_optional=True)
    field(reading, 9, "pressure", ".google.protobuf.DoubleValue")
    field(reading, 10, "next", ".plant.Reading")
    field(reading, 11, "points", ".plant.Point", 3)
    field(reading, 12, "numbers", "float", 3)
    field(reading, 13, "small", "int32", oneof_index=1)
    field(reading, 14, "large", ".plant.Motor", oneof_index=1)
    field(reading, 15, "note", "string", oneof_index=1)
    field(reading, 16, "odd", "double", json_name="Odd name (C)")
    motor = file.message_type.add(name="Motor")
    motor.oneof_decl.add(name="_rpm")
    field(motor, 1, "rpm", "int32", oneof_index=0, proto3_optional=True)
    point = file.message_type.add(name="Point")
    field(point, 1, "x", "double")
    field(point, 2, "y", "double")
    inner = point.nested_type.add(name="Inner")
    field(inner, 1, "temp", "double")
    # The synthetic oneofs come last, as protoc has them.
    for each, last in ((reading, True), (motor, False)):
        if last:
            names = [o.name for o in each.oneof_decl]
            each.oneof_decl[0].name, each.oneof_decl[1].name = names[1], names[0]
            for one in each.field:
                if one.HasField("oneof_index"):
                    one.oneof_index = 1 - one.oneof_index
    return file


def descriptor(file=None) -> bytes:
    return FileDescriptorSet(file=[file or plant()]).SerializeToString()


def serialized(file=None) -> str:
    """As a registry gives it."""
    return base64.b64encode((file or plant()).SerializeToString()).decode()


def message_class(name="plant.Reading", file=None):
    pool: DescriptorPool = protobuf_files.of_set(descriptor(file))
    return GetMessageClass(pool.FindMessageTypeByName(name))
