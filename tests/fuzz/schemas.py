"""Schemas that payloads name, for the variants of codecs that look them up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.schemas import SchemaText
from monitor.errors import DecodeError
from tests.monitor.codecs import protobuf_messages


@dataclass(frozen=True)
class OneSchema:
    """A registry with schema 1."""

    kind: str
    text: str

    def get(self, schema_id: int) -> SchemaText:
        """See `Schemas`."""
        if schema_id != 1:
            raise DecodeError("undecodable", f"the schema registry has no schema {schema_id}")
        return SchemaText(self.kind, self.text)


IN_PLANT = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off")),
        Feature("axes.0", "boolean", missing=True),
        Feature("values.v", missing=True),
        Feature("large.rpm", missing=True),
        Feature("points.1.x", missing=True),
        Feature("pressure", missing=True),
        Feature("note", "category", ("a", "b"), missing=True),
    )
)
PLANT_SETTINGS = CodecSettings(
    (9,), features=IN_PLANT, descriptor=protobuf_messages.descriptor(), message="plant.Reading"
)
REGISTERED = replace(
    PLANT_SETTINGS,
    descriptor=None,
    message=None,
    schemas=OneSchema("PROTOBUF", protobuf_messages.serialized()),
)
