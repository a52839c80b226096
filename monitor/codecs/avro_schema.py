"""Avro schemas: what a payload was written with.

Avro's binary form has no types of its own, so that a reader does what the schema says. A schema
is read only if no payload can make much of little: no type within itself, no lists of what may take
no bytes. The whole record is read: fastavro steps over what nobody asked for without looking
whether it is there, as often as a payload claims.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from models.schema import Feature
from monitor.codecs.settings import CodecSettings

PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
NESTED_BYTES: Final = 2**18
"""Of a payload with lists of records or lists: each byte may become an object of 250."""
_MAX_TEXT: Final = 2**20
_KINDS: Final[Mapping[str, Any]] = {"number": "double", "boolean": "boolean", "category": "string"}


class Parsed:
    """A schema as fastavro takes it. text: JSON. most_bytes: longest payload that is read by it.

    Raises ValueError.
    """

    def __init__(self, text: str, references: Mapping[str, str] = MappingProxyType({})) -> None:
        import fastavro

        if len(text) > _MAX_TEXT:
            raise ValueError(f"a schema of more than {_MAX_TEXT} characters")
        named: dict[str, Any] = {}
        try:
            for each in references.values():
                fastavro.parse_schema(json.loads(each), named_schemas=named)
            self.schema: Any = fastavro.parse_schema(json.loads(text), named_schemas=named)
        except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, KeyError,
                TypeError, AttributeError, RecursionError, ValueError) as error:  # fmt: skip
            raise ValueError(f"not an Avro schema: {error}") from None
        walk = _Walk(named)
        walk.check(self.schema)
        self.most_bytes = sys.maxsize if walk.plain else NESTED_BYTES


class _Walk:
    """Goes through a schema. plain: whether lists and maps hold plain values only."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self.plain = True
        self._within: list[str] = []

    def check(self, schema: Any) -> None:
        """Raise ValueError for what is not read."""
        if isinstance(schema, list):
            for each in schema:
                self.check(each)
            return
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind in ("record", "error"):
            self._record(schema)
        elif kind in ("array", "map"):
            self._items(schema["items" if kind == "array" else "values"])
        elif isinstance(kind, dict | list):
            self.check(kind)
        elif kind in self._named and not isinstance(schema, dict):
            self.check(self._named[kind])

    def _record(self, schema: Mapping[str, Any]) -> None:
        name = str(schema["name"])
        if name in self._within:
            raise ValueError(f"the type {name!r:.80} is within itself, which is not read")
        self._within.append(name)
        for field in schema["fields"]:
            self.check(field["type"])
        self._within.pop()

    def _items(self, items: Any) -> None:
        kinds = items if isinstance(items, list) else [items]
        if any(isinstance(each, dict | list) or each not in PRIMITIVES for each in kinds):
            self.plain = False
        self.check(items)
        if not self._least_bytes(items):
            raise ValueError("a list of what may take no bytes is not read")

    def _least_bytes(self, schema: Any) -> int:
        """0 if a value may take no bytes, else 1."""
        if isinstance(schema, list):
            return 1
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind in ("record", "error"):
            return max((self._least_bytes(f["type"]) for f in schema["fields"]), default=0)
        if kind == "fixed":
            return min(1, int(schema["size"]))
        if kind in self._named and not isinstance(schema, dict):
            return self._least_bytes(self._named[kind])
        return 0 if kind == "null" else 1


def of_settings(settings: CodecSettings) -> str:
    """The schema that a model asks for: a record by names, or a list of numbers."""
    features = settings.features.features
    document: Any = {"type": "array", "items": "double"}
    if features:
        fields = [{"name": f"f{i}", "type": _type(f)} for i, f in enumerate(features)]
        names = [feature.name for feature in features]
        if all(name.isidentifier() and name.isascii() for name in names):
            for field, name in zip(fields, names, strict=True):
                field["name"] = name
            document = {"type": "record", "name": "Row", "fields": fields}
        else:
            document = {"type": "map", "values": ["null", "double", "boolean", "string"]}
    for name in reversed(settings.field.split(".") if settings.field else []):
        record = f"In{name}" if name.isidentifier() and name.isascii() else "In"
        document = {
            "type": "record", "name": record, "fields": [{"name": name, "type": document}],
        }  # fmt: skip
    return json.dumps(document)


def _type(feature: Feature) -> Any:
    kind = _KINDS[feature.kind]
    return ["null", kind] if feature.missing else kind
