"""What of the records could not be scored, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from monitor.process.text import escaped, printable_line
from monitor.stream.records import DeadLetter, Partition

NAMED: Final = 20
"""Most dead letters that are named: the first."""
_LONGEST: Final = 200
"""Characters of what is told of one."""


@dataclass(frozen=True, slots=True)
class Named:
    """One dead letter. timestamp: milliseconds since the epoch. next_offset: after it."""

    partition: Partition
    offset: int
    next_offset: int
    timestamp: int
    reason: str
    error: str


@dataclass(slots=True)
class Dead:
    """Counts dead letters. reasons: how many of each, of errors.REASONS. named: the first."""

    reasons: Counter[str] = field(default_factory=Counter)
    named: list[Named] = field(default_factory=list)

    def take(self, letters: Iterable[DeadLetter]) -> None:
        """Count some more."""
        for letter in letters:
            self.reasons[letter.reason] += 1
            if len(self.named) < NAMED:
                record = letter.record
                error = printable_line(letter.error, _LONGEST, escaped)
                self.named.append(
                    Named(
                        record.source, record.offset, record.next_offset, record.timestamp,
                        letter.reason, error,
                    )
                )  # fmt: skip

    @property
    def count(self) -> int:
        """In all."""
        return self.reasons.total()
