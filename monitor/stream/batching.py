"""Collects records until a batch is worth scoring: by number, by bytes, or by age."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.stream.columns import Columns
from monitor.stream.records import Partition


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch is due at any of these. linger_seconds counts from the first record's arrival; it
    is the longest wait where the linger adapts.
    """

    max_records: int
    max_bytes: int
    linger_seconds: float


WORTH: Final = 4.0
"""Waiting for more records may take so many times as long as deciding on a batch."""
REMEMBERED: Final = 32


class AdaptiveLinger:
    """How long to wait for a batch to fill: no longer than pays.

    Every batch costs something however few records it holds, so that a daemon that never waits
    works all the time. One that waits four times as long as its quickest batches take is busy for
    a fifth of it at most, and no record waits longer than that.
    """

    def __init__(self) -> None:
        self._taken: deque[float] = deque(maxlen=REMEMBERED)

    def note(self, seconds: float) -> None:
        """A batch took so long."""
        self._taken.append(seconds)

    @property
    def seconds(self) -> float:
        """0 as long as nothing is known."""
        return WORTH * min(self._taken, default=0.0)


class Batcher:
    """Holds records in arrival order until they are due.

    linger: shortens that of the limits; None does not. `now` is passed in, in seconds from any
    fixed origin, so that time can be tested.
    """

    def __init__(self, limits: BatchLimits, linger: AdaptiveLinger | None = None) -> None:
        self._limits = limits
        self._linger = linger
        self._parts: list[Columns] = []
        self._records = 0
        self._bytes = 0
        self._since = 0.0

    def limit(self, limits: BatchLimits) -> None:
        """Keep to other limits from now on; what is held stays."""
        self._limits = limits

    @property
    def records(self) -> int:
        """Records held."""
        return self._records

    def held(self) -> dict[Partition, int]:
        """Records held of each partition that has any."""
        held: dict[Partition, int] = {}
        for part in self._parts:
            counts = np.bincount(part.partition, minlength=len(part.partitions)).tolist()
            for partition, count in zip(part.partitions, counts, strict=True):
                if count:
                    held[partition] = held.get(partition, 0) + count
        return held

    def add(self, records: Columns, now: float) -> None:
        """Hold more records."""
        if not len(records):
            return
        if not self._records:
            self._since = now
        self._parts.append(records)
        self._records += len(records)
        self._bytes += int(records.sizes.sum())

    def due(self, now: float) -> bool:
        """True when a batch should be taken."""
        if not self._records:
            return False
        return self._full or now - self._since >= self._linger_seconds

    @property
    def _linger_seconds(self) -> float:
        longest = self._limits.linger_seconds
        return longest if self._linger is None else min(longest, self._linger.seconds)

    def took(self, seconds: float) -> None:
        """Deciding on a batch took so long."""
        if self._linger is not None:
            self._linger.note(seconds)

    @property
    def _full(self) -> bool:
        limits = self._limits
        return self._records >= limits.max_records or self._bytes >= limits.max_bytes

    def wait_seconds(self, now: float, longest: float) -> float:
        """How long the next poll may wait for more records."""
        if not self._records:
            return longest
        if self._full:
            return 0.0
        return min(longest, max(0.0, self._since + self._linger_seconds - now))

    def take(self) -> Columns:
        """Remove and return the oldest records: at most max_records, and max_bytes unless one
        record alone is larger.
        """
        held = Columns.joined(self._parts)
        sizes = held.sizes[: self._limits.max_records].cumsum()
        count = int(sizes.searchsorted(self._limits.max_bytes, side="right"))
        count = min(max(count, 1), self._records)
        self._hold([held.part(count, len(held))] if count < len(held) else [])
        return held.part(0, count)

    def drop(self, partitions: Iterable[Partition]) -> int:
        """Forget the records of partitions that are no longer ours; return how many they were."""
        unwanted = frozenset(partitions)
        before = self._records
        self._hold([part.where(~part.of_partitions(unwanted)) for part in self._parts])
        return before - self._records

    def _hold(self, parts: list[Columns]) -> None:
        self._parts = [part for part in parts if len(part)]
        self._records = sum(map(len, self._parts))
        self._bytes = sum(int(part.sizes.sum()) for part in self._parts)
