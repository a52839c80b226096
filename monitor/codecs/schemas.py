"""Schemas that payloads name by their id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A schema as it was registered. kind: AVRO, PROTOBUF or JSON. references: by name.

    text: of PROTOBUF, the compiled file in base64, if the registry has that.
    """

    kind: str
    text: str
    references: Mapping[str, str] = field(default_factory=dict)


class Schemas(Protocol):
    """Where schemas come from."""

    def get(self, schema_id: int) -> SchemaText:
        """The schema of an id.

        Raises DecodeError, undecodable, if there is none; SchemaUnavailableError if that cannot be
        told now.
        """
