"""How far behind each partition is, by what the brokers say of its end, whatever the loop does.

The run loop says what it has decided on; the survey of the source says where the topic ends, on a
thread of its own. So lag grows even while reading is stopped, or the loop hangs. Where the brokers
have not said for a while where a partition ends, it is not known: 0 would say that all is done.
Both are worked out when somebody asks: a figure that the loop or the survey had to bring up to date
would stand still with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.stream.records import Lags, Partition

UNKNOWN_SECONDS: Final = 15.0
"""After which what the brokers said last of a partition's end does not mean that all is done."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition is done. next_offset: the next to be polled. held: records that were
    polled and are not decided on. newest: time of the last decided on, in milliseconds; negative
    if there is none. end: one past its last record.
    """

    next_offset: int
    held: int
    newest: int
    end: int

    def behind(self, end: int) -> int:
        """Records that wait. end: as the brokers say."""
        return max(0, max(end, self.end) - self.next_offset) + self.held


class Lag:
    """How far each partition of ours is behind. Any thread may call any of it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._surveyed = False
        self._told: dict[Partition, float] = {}
        self._lock = threading.Lock()
        self._places: Mapping[Partition, Place] = {}
        self._ends: Mapping[Partition, int] = {}

    def survey(self, ends: Mapping[Partition, int]) -> None:
        """The brokers say where partitions end."""
        with self._lock:
            self._surveyed = True
            kept = {p: end for p, end in self._ends.items() if p in self._places}
            self._ends = kept | dict(ends)
            self._told |= dict.fromkeys(ends, self._monotonic())

    def end(self, partition: Partition) -> int | None:
        """Where the brokers last said that a partition ends."""
        return self._ends.get(partition)

    def decided(self, places: Mapping[Partition, Place]) -> Lags:
        """How far our partitions are done now; returns how far they are behind."""
        with self._lock:
            self._places = places
            now = self._monotonic()
            self._told = {p: self._told.get(p, now) for p in (*places, *self._ends)}
        return self.now()

    def now(self) -> Lags:
        """How far they are behind at this moment."""
        with self._lock:
            now, lags = self._clock(), {}
            for partition, place in self._places.items():
                behind = place.behind(self._ends.get(partition, 0))
                if not behind and self._silent(partition):
                    continue
                age = max(0.0, now - place.newest / 1000) if place.newest >= 0 and behind else 0.0
                lags[partition] = (behind, age)
            return lags

    def _silent(self, partition: Partition) -> bool:
        """Whether the brokers have not said for a while where it ends."""
        return self._surveyed and self._monotonic() - self._told[partition] > UNKNOWN_SECONDS
