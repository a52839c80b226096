"""A message to publish, and its kinds."""

from __future__ import annotations

from dataclasses import dataclass

ANOMALY, DEAD_LETTER, ALERT, SCORE = "anomaly", "dead_letter", "alert", "score"
KINDS = (ANOMALY, DEAD_LETTER, ALERT, SCORE)
ADDRESS = "aead.address"
"""Header of a dead letter or a score: where its record was."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message to publish. None of key, value and headers' values is that of the original."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def identity(self) -> bytes:
        """What a repeat has, too: its key, or the address of its record where that is told."""
        return dict(self.headers).get(ADDRESS) or self.key or b""
