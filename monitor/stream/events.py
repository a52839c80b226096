"""A message to publish, and its kinds."""

from __future__ import annotations

from dataclasses import dataclass

ANOMALY, DEAD_LETTER, ALERT = "anomaly", "dead_letter", "alert"
KINDS = (ANOMALY, DEAD_LETTER, ALERT)
ADDRESS = "aead.address"
"""Header of a dead letter: where its record was."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message to publish. None of key, value and headers' values is that of the original."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def identity(self) -> bytes:
        """What a repeat has, too: its key, and of a dead letter the address of its record."""
        return dict(self.headers).get(ADDRESS) or self.key or b""
