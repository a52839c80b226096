"""A log in memory that is read by offset, with everything that makes offsets disappear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from monitor.stream.records import Gap, Partition, Record


@dataclass
class Log:
    """Values by offset of each partition; offsets without a value were compacted away.

    bounds_of: first offset and end. gaps: by their first offset, end and reason.
    """

    bounds_of: dict[Partition, tuple[int, int]]
    values: dict[Partition, dict[int, bytes | None]]
    timestamps: dict[Partition, dict[int, int]] = field(default_factory=dict)
    gaps: dict[Partition, dict[int, tuple[int, str]]] = field(default_factory=dict)
    asked: list[range] = field(default_factory=list)

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        return {p: self.bounds_of[p] for p in partitions}

    def records(self, partition: Partition, run: range) -> Iterator[Record]:
        self.asked.append(run)
        gaps = self.gaps.get(partition, {})
        times = self.timestamps.get(partition, {})
        for offset in run:
            common = (partition.topic, partition.number, offset, times.get(offset, offset))
            if offset in gaps:
                end, reason = gaps[offset]
                yield Record(*common, None, None, (), Gap(end, reason, "as the test says"))
            elif offset in self.values[partition]:
                yield Record(*common, None, self.values[partition][offset])
