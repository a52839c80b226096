"""The configuration's section on segments."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, field_validator

from monitor.config.section import Section

_FORM: Final = "key, header:NAME or field:PATH"


class SegmentsConfig(Section):
    """Parts of the stream that are judged beside the whole: cameras, lines, machines."""

    by: str | None = Field(
        None,
        max_length=249,
        description="What says which segment a record is of: key, header:NAME or field:PATH (json,"
        " json-schema, msgpack).",
    )
    at_most: int = Field(
        50,
        ge=1,
        le=1000,
        description="Segments told apart, the first that are seen; all others are one, `other`.",
    )

    @field_validator("by")
    @classmethod
    def _known(cls, text: str | None) -> str | None:
        if text is None or text == "key":
            return text
        kind, colon, name = text.partition(":")
        if kind not in ("header", "field") or not colon or not name.strip():
            raise ValueError(f"must be {_FORM}, got {text!r:.80}")
        if kind == "field" and "" in name.split("."):
            raise ValueError(f"field:PATH is names with dots between them, got {text!r:.80}")
        return text

    @property
    def header(self) -> str:
        """The header that says it, or nothing."""
        return self._named("header")

    @property
    def field(self) -> str:
        """The path of the field that says it, or nothing."""
        return self._named("field")

    def _named(self, kind: str) -> str:
        found, _, name = (self.by or "").partition(":")
        return name if found == kind else ""

    def identity(self) -> dict[str, Any]:
        """What the memory of the stream depends on; nothing while there are no segments."""
        return {} if self.by is None else {"segments": self.model_dump(mode="json")}
