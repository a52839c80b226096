"""How far behind each partition is, by what the brokers say of its end, whatever the loop does.

The run loop says what it has decided on; the survey of the source says where the topic ends, on a
thread of its own. So lag grows even while reading is stopped, or the loop hangs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.metrics import Metrics
from monitor.stream.records import Partition

Lags = Mapping[Partition, tuple[int, float]]
"""Records and seconds that a partition is behind."""


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
    """Keeps the gauges of lag true. `survey` may be called by any thread."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._places: Mapping[Partition, Place] = {}
        self._ends: Mapping[Partition, int] = {}

    def survey(self, ends: Mapping[Partition, int]) -> None:
        """The brokers say where partitions end."""
        with self._lock:
            self._ends = ends
            self._show()

    def end(self, partition: Partition) -> int | None:
        """Where the brokers last said that a partition ends."""
        return self._ends.get(partition)

    def decided(self, places: Mapping[Partition, Place]) -> Lags:
        """How far our partitions are done now; returns how far they are behind."""
        with self._lock:
            self._places = places
            return self._show()

    def _show(self) -> Lags:
        now = self._clock()
        lags = {}
        for partition, place in self._places.items():
            behind = place.behind(self._ends.get(partition, 0))
            age = max(0.0, now - place.newest / 1000) if place.newest >= 0 and behind else 0.0
            lags[partition] = (behind, age)
        self._metrics.show_lags(lags)
        return lags
