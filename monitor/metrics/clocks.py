"""The gauges of the partitions' clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from prometheus_client import Gauge

from monitor.stream.records import Partition


class ClockMetrics:
    """Whose timestamps are believed. gauge: makes one in the daemon's registry."""

    def __init__(self, gauge: Callable[..., Gauge]) -> None:
        labels = ("topic", "partition")
        self.wild = gauge(
            "clock_wild",
            "1 while the partition's timestamps are not believed: they come from the future, from"
            " many years ago, or were set back by more than a day; else 0.",
            labels,
        )
        self.offset = gauge(
            "clock_offset_seconds",
            "Timestamp of the partition's newest record less the time at which it came: more than 0"
            " if it comes from the future, far below 0 if it is old, or was read late.",
            labels,
        )
        self._partitions: set[Partition] = set()

    def show(
        self, assigned: Set[Partition], wild: Set[Partition], offsets: Mapping[Partition, float]
    ) -> None:
        """Set both for the assigned partitions; remove the series of those that left."""
        for partition in assigned:
            labels = (partition.topic, str(partition.number))
            self.wild.labels(*labels).set(partition in wild)
            self.offset.labels(*labels).set(offsets.get(partition, 0.0))
        for gone in self._partitions - assigned:
            self.wild.remove(gone.topic, str(gone.number))
            self.offset.remove(gone.topic, str(gone.number))
        self._partitions = set(assigned)
