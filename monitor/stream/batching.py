"""Collects records until a batch is worth scoring: by number, by bytes, or by age."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.stream.records import Partition, Record


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch is due at any of these. linger_seconds counts from the first record's arrival."""

    max_records: int
    max_bytes: int
    linger_seconds: float


class Batcher:
    """Holds records in arrival order until they are due.

    `now` is passed in, in seconds from any fixed origin, so that time can be tested.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._records: list[Record] = []
        self._bytes = 0
        self._since = 0.0

    def limit(self, limits: BatchLimits) -> None:
        """Keep to other limits from now on; what is held stays."""
        self._limits = limits

    @property
    def records(self) -> int:
        """Records held."""
        return len(self._records)

    def held(self, partition: Partition) -> int:
        """Records held of a partition."""
        return sum(record.source == partition for record in self._records)

    def add(self, records: Iterable[Record], now: float) -> None:
        """Hold more records."""
        for record in records:
            if not self._records:
                self._since = now
            self._records.append(record)
            self._bytes += record.size

    def due(self, now: float) -> bool:
        """True when a batch should be taken."""
        if not self._records:
            return False
        return self._full or now - self._since >= self._limits.linger_seconds

    @property
    def _full(self) -> bool:
        limits = self._limits
        return len(self._records) >= limits.max_records or self._bytes >= limits.max_bytes

    def wait_seconds(self, now: float, longest: float) -> float:
        """How long the next poll may wait for more records."""
        if not self._records:
            return longest
        if self._full:
            return 0.0
        return min(longest, max(0.0, self._since + self._limits.linger_seconds - now))

    def take(self) -> tuple[Record, ...]:
        """Remove and return the oldest records: at most max_records, and max_bytes unless one
        record alone is larger.
        """
        size = count = 0
        for record in self._records[: self._limits.max_records]:
            if count and size + record.size > self._limits.max_bytes:
                break
            size += record.size
            count += 1
        taken, self._records = tuple(self._records[:count]), self._records[count:]
        self._bytes -= size
        return taken

    def drop(self, unwanted: Callable[[Record], bool]) -> int:
        """Forget the records that the caller no longer owns; return how many they were."""
        kept = [record for record in self._records if not unwanted(record)]
        dropped = len(self._records) - len(kept)
        self._records = kept
        self._bytes = sum(record.size for record in kept)
        return dropped
