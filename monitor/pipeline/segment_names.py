"""Where records tell which segment they are of: their key, a header, or a field of the payload."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from monitor.codecs.fields import FieldReader
from monitor.codecs.headers import found
from monitor.drift.segments.names import NONE
from monitor.pipeline.scored import Scored
from monitor.process.text import visible
from monitor.stream.columns import Columns

LONGEST: Final = 100
"""Characters of a name. A longer one is cut, with a few digits that tell it from others."""
_CACHED_BYTES: Final = 256


class TextsOf(Protocol):
    """What some records say of their segment, one after the other: bytes, or None."""

    def __call__(self, records: Columns, scored: Sequence[bool]) -> Sequence[bytes | None]:
        """scored: of each, whether it has rows; of others nothing need be told."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Names the segment of each record. texts: what records say."""

    texts: TextsOf

    def named(self, scored: Scored) -> Scored:
        """The same, with the segment of each record."""
        texts = self.texts(scored.records, (scored.rows > 0).tolist())
        number: dict[bytes | None, int] = {}
        numbers = [number.setdefault(text, len(number)) for text in texts]
        return scored.in_segments(tuple(map(name_of, number)), np.array(numbers, dtype=np.int64))


def of_key(records: Columns, scored: Sequence[bool]) -> Sequence[bytes | None]:
    """Their keys."""
    del scored
    return records.keys


def of_header(name: str) -> TextsOf:
    """The last value of a header."""

    def texts(records: Columns, scored: Sequence[bool]) -> Sequence[bytes | None]:
        del scored
        return [found(name, headers) for headers in records.headers]

    return texts


def of_field(reader: FieldReader) -> TextsOf:
    """A field of their payloads; of those alone that could be decoded."""

    def texts(records: Columns, scored: Sequence[bool]) -> Sequence[bytes | None]:
        pairs = zip(records.values, scored, strict=True)
        return reader.read([value if wanted else None for value, wanted in pairs])

    return texts


def name_of(text: bytes | None) -> str:
    """A name of at most LONGEST characters that can be shown: UTF-8, else hex digits."""
    if text is None or len(text) > _CACHED_BYTES:
        return _name_of(text)
    return _short_name_of(text)


@lru_cache(maxsize=8192)
def _short_name_of(text: bytes) -> str:
    return _name_of(text)


def _name_of(text: bytes | None) -> str:
    if not text:
        return NONE
    head = text[: 8 * LONGEST]
    try:
        name = head.decode("utf-8", "strict" if len(head) == len(text) else "ignore")
    except UnicodeDecodeError:
        name = f"0x{text.hex()}"
    name = visible(name)
    if len(name) <= LONGEST and len(head) == len(text):
        return name
    digits = hashlib.sha256(text).hexdigest()[:8]
    return f"{name[: LONGEST - 9]}~{digits}"
