"""Protobuf schemas as compiled: descriptor sets of protoc, and what a Schema Registry serializes.

The text of a .proto file is not read: no parser of it is in the Python package.
"""

from __future__ import annotations

import base64
import binascii
import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from models.schema import Feature
from monitor.codecs.settings import CodecSettings

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

MOST_FILES: Final = 1000
OWN: Final = "Row"
"""Name of the message that a model asks for."""
LIST: Final = "values"
"""Its list of numbers, for a model without names."""
_WELL_KNOWN: Final = (
    "any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers", "descriptor",
)  # fmt: skip
"""Files of google/protobuf/, which are there though nobody sends them."""


def of_set(data: bytes) -> Any:
    """The pool of a descriptor set (`protoc --descriptor_set_out --include_imports`).

    Raises ValueError.
    """
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import DecodeError as ProtobufError

    found = FileDescriptorSet()
    try:
        found.ParseFromString(data)
    except ProtobufError:
        raise ValueError(
            "not a descriptor set: make it with protoc --descriptor_set_out=FILE --include_imports"
        ) from None
    if not found.file:
        raise ValueError("a descriptor set without files")
    return _pool(found.file)


def of_registry(text: str, references: Mapping[str, str]) -> tuple[Any, str]:
    """The pool of a schema in serialized form, and the name of its file. Raises ValueError."""
    own = _parsed(text)
    files = [own]
    for name, each in references.items():
        file = _parsed(each)
        file.name = name
        files.append(file)
    if own.name in references:
        raise ValueError("the schema refers to itself")
    return _pool(files), own.name


def _parsed(text: str) -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.message import DecodeError as ProtobufError

    file = FileDescriptorProto()
    try:
        file.ParseFromString(base64.b64decode(text, validate=True))
    except (ProtobufError, binascii.Error, ValueError):
        raise ValueError(
            "the registry does not give it in serialized form (format=serialized): leave out"
            " codec.registry, and set codec.descriptor and codec.message"
        ) from None
    return file


def _pool(files: Sequence[FileDescriptorProto]) -> Any:
    """A pool with all files, each after those that it imports."""
    from google.protobuf.descriptor_pool import DescriptorPool

    if len(files) > MOST_FILES:
        raise ValueError(f"more than {MOST_FILES} files")
    pool, left = DescriptorPool(), {file.name: file for file in files}
    for file in _well_known():
        left.setdefault(file.name, file)
    while left:
        ready = [f for f in left.values() if not any(d in left for d in f.dependency)]
        if not ready:
            raise ValueError("files that import each other")
        for file in ready:
            del left[file.name]
            try:
                pool.Add(file)
            except TypeError as error:
                text = f"{file.name!r:.80} is not read: {error}"[:250]
                raise ValueError(f"{text} (protoc --include_imports?)") from None
    return pool


def _well_known() -> Iterable[FileDescriptorProto]:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    for name in _WELL_KNOWN:
        module = importlib.import_module(f"google.protobuf.{name}_pb2")
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        yield file


def message_of(pool: Any, name: str) -> Any:
    """The message of a full name. Raises ValueError."""
    try:
        return pool.FindMessageTypeByName(name.lstrip("."))
    except KeyError:
        raise ValueError(f"no message is called {name!r:.80} (codec.message)") from None


def message_at(pool: Any, file: str, indexes: Sequence[int]) -> Any:
    """The message that indexes lead to: of the file, then of those within. Raises ValueError."""
    found: Any = None
    messages = _messages(pool.FindFileByName(file))
    for index in indexes:
        if not 0 <= index < len(messages):
            raise ValueError(f"it has no message at {list(indexes)}")
        found = messages[index]
        messages = list(found.nested_types)
    return found


def indexes_of(message: Any) -> tuple[int, ...]:
    """Where a message is in its file."""
    within = message.containing_type
    others = _messages(message.file) if within is None else within.nested_types
    index = [each.full_name for each in others].index(message.full_name)
    return (index,) if within is None else (*indexes_of(within), index)


def _messages(file: Any) -> list[Any]:
    """Those of a file, in its order."""
    return list(file.message_types_by_name.values())


def of_settings(settings: CodecSettings) -> tuple[bytes, str]:
    """The descriptor set of the message that a model asks for, and its name.

    By names: a field of each feature, whose json_name is the feature's where no field may be
    called so. Else a list of double; inside messages if a field is configured.
    """
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

    file = FileDescriptorProto(name="row.proto", syntax="proto2")
    path = settings.field.split(".") if settings.field else []
    features = settings.features.features
    if not features:
        *path, last = path or [LIST]
    for depth, name in enumerate(path):
        message = file.message_type.add(name=f"{OWN}{depth or ''}")
        message.field.add(
            name=f"f{depth}", json_name=name, number=1, label=1, type=11,
            type_name=f".{OWN}{depth + 1}",
        )  # fmt: skip
    row = file.message_type.add(name=f"{OWN}{len(path) or ''}")
    if features:
        for i, feature in enumerate(features):
            row.field.add(
                name=f"f{i}", json_name=feature.name, number=i + 1, label=1, type=_type(feature)
            )
    else:
        row.field.add(name="f0", json_name=last, number=1, label=3, type=1).options.packed = True
    return FileDescriptorSet(file=[file]).SerializeToString(), OWN


def _type(feature: Feature) -> Any:
    return {"number": 1, "boolean": 8, "category": 9}[feature.kind]
