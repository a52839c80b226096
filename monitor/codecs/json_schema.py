"""JSON as Schema Registry frames it: the schema that a payload names must be known, and must fit.

The payload itself is read as `json_list.py` reads it: the schema is looked at once, for what it
says of the model's features. What it leaves open, each record decides.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

from models.schema import Feature
from monitor.codecs.framing import unframed
from monitor.codecs.json_list import JsonCodec
from monitor.codecs.many import CannotEncodeError, Many
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_SCHEMAS: Final = 1024
"""Verdicts that are kept; of more, the one used longest ago is forgotten."""
_MOST_REFERENCES: Final = 16
_NAMED: Final = 10
_OPEN: Final[Mapping[str, Any]] = {}
"""A schema that says nothing."""
_ELSEWHERE: Final = frozenset(
    {"$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "patternProperties",
     "dependentSchemas", "extends"}
)  # fmt: skip
"""Keywords by which a schema may say more of its properties."""
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset({"number", "integer"}),
    "boolean": frozenset({"boolean", "number", "integer"}),
    "category": frozenset({"string", "boolean", "number", "integer"}),
}


class JsonSchemaCodec(JsonCodec):
    """JSON behind 0x00 and the id of a schema. Without a registry, JSON with or without them."""

    def __init__(self, settings: CodecSettings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._schemas = settings.schemas
        self._verdicts: OrderedDict[int, str] = OrderedDict()
        self._lock = threading.Lock()

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        if self._schemas is not None:
            schema_id, value = unframed(value)
            verdict = self._verdict(schema_id)
            if verdict:
                raise DecodeError("undecodable", verdict)
        return super().decode(value)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """Those whose schemas are known and fit."""
        if self._schemas is None:
            return super().decode_many(values)
        with self._lock:
            right = {schema_id for schema_id, verdict in self._verdicts.items() if not verdict}
        return self._read_many([_after_frame(value, right) for value in values])

    def _verdict(self, schema_id: int) -> str:
        """What is wrong with a schema; nothing if it fits."""
        with self._lock:
            found = self._verdicts.get(schema_id)
            if found is None:
                found = self._verdicts[schema_id] = self._looked_up(schema_id)
                if len(self._verdicts) > MAX_SCHEMAS:
                    self._verdicts.popitem(last=False)
            self._verdicts.move_to_end(schema_id)
        return found

    def _looked_up(self, schema_id: int) -> str:
        assert self._schemas is not None  # noqa: S101
        schema = self._schemas.get(schema_id)
        if schema.kind != "JSON":
            return f"schema {schema_id} is not JSON Schema, but {schema.kind:.20}"
        try:
            document = json.loads(schema.text)
        except (ValueError, RecursionError) as error:
            return f"schema {schema_id} is not JSON: {error}"[:300]
        wrong, unsure = _compared(document, self._settings)
        if unsure and not wrong:
            more = f" and {len(unsure) - _NAMED} more" if len(unsure) > _NAMED else ""
            named = ", ".join(ascii(name)[:60] for name in unsure[:_NAMED]) + more
            self._settings.say(
                f"schema {schema_id} does not require {named}: records without are dead letters"
            )
        return f"schema {schema_id}: {wrong}"[:300] if wrong else ""

    def encode(self, row: NDArray[Any]) -> bytes:
        """As JSON, without a frame."""
        if self._schemas is not None:
            raise CannotEncodeError("which schema a producer uses is not known")
        return super().encode(row)


def _after_frame(value: bytes, right: set[int]) -> bytes:
    """The JSON of a payload with one of these schemas; nothing of any other."""
    try:
        schema_id, rest = unframed(value)
    except DecodeError:
        return b""
    return rest if schema_id in right else b""


def _compared(document: Any, settings: CodecSettings) -> tuple[str, list[str]]:
    """What does not fit the model, or nothing; and the features that records may lack."""
    record, unsure = document, list[str]()
    for part in settings.field.split(".") if settings.field else []:
        found = _property(record, part, document)
        if found is None:
            return f"it has no property {settings.field!a:.80}", []
        record = found[0]
    record = _resolved(record, document)
    if record.get("type") == "array":
        record = _resolved(record.get("items"), document)
    for feature in settings.features.features:
        found = _found(record, feature.name, document)
        if found is None:
            if not feature.missing:
                return f"it has no property for {feature.name!a:.80}; it has {_named(record)}", []
            continue
        types = _types(found[0])
        wrong = _wrong_type(feature, types, settings.numbers_as_text)
        if wrong:
            return wrong, []
        if not feature.missing and (not found[1] or "null" in types):
            unsure.append(feature.name)
    return "", unsure


def _wrong_type(feature: Feature, types: frozenset[str], as_text: bool) -> str:
    """What is wrong with the types of a property; nothing if none is said."""
    taken = _TYPES[feature.kind] | ({"string"} if as_text else set())
    if not types or types & taken or (feature.missing and "null" in types):
        return ""
    hint = ": set codec.numbers_as_text: true" if "string" in types else ""
    return f"{feature.name!a:.80} is {'/'.join(sorted(types)):.40}, not a {feature.kind}{hint}"


def _found(record: Any, name: str, document: Any) -> tuple[Any, bool] | None:
    """The schema of a feature, and whether it must be there; None if it cannot be."""
    whole = _property(record, name, document)
    parts = name.split(".")
    if len(parts) == 1 or (whole is not None and whole[0] is not _OPEN):
        return whole
    place, required = record, True
    for part in parts:
        found = _property(place, part, document)
        if found is None:
            return whole
        place, required = found[0], required and found[1]
    return place, required


def _property(schema: Any, key: str, document: Any) -> tuple[Any, bool] | None:
    """The schema of a property, and whether it must be there; None if it cannot be there."""
    schema = _resolved(schema, document)
    properties, required = schema.get("properties"), schema.get("required")
    must = isinstance(required, list) and key in required
    if isinstance(properties, dict) and key in properties:
        return _resolved(properties[key], document), must
    says_all = isinstance(properties, dict) and schema.get("additionalProperties") is False
    if says_all and not _ELSEWHERE & schema.keys():
        return None
    return _OPEN, must


def _resolved(schema: Any, document: Any) -> Mapping[str, Any]:
    """What a schema is after references within its document; one that is elsewhere says nothing."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(schema, dict):
            break
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        schema = _at(document, reference)
    return _OPEN


def _at(document: Any, reference: str) -> Any:
    if reference != "#" and not reference.startswith("#/"):
        return None
    for part in reference.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """Types that a value may have, if the schema says so."""
    said = schema.get("type")
    if isinstance(said, str):
        return frozenset({said})
    return frozenset(_texts(said)) if isinstance(said, list) else frozenset()


def _texts(values: list[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _named(record: Mapping[str, Any]) -> str:
    names = list(record.get("properties", ()))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(ascii(name)[:40] for name in names[:_NAMED]) or "none") + more
