"""The intake: counts each offset once, and cuts what it counts into blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Block, OpenBlock
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.next_offsets import NextOffsets, Offsets, offsets_state, restored_offsets
from monitor.stream.records import Partition, Summary

Index = NDArray[np.int64]


class Intake:
    """What of a stream was counted, and the block that is open.

    limit: rows at which a block ends. seconds: of stream time after which it ends. rows: counted
    so far.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._next = NextOffsets()
        self._open = OpenBlock(limit, seconds)
        self.rows = 0

    def next_offset(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        return self._next.of(partition)

    @property
    def next_offsets(self) -> Offsets:
        """The next offset of each partition that something was counted of."""
        return self._next.snapshot()

    def uncounted(self, records: JudgedRecords) -> tuple[JudgedRecords, Index]:
        """The records that were not counted yet, and the number of each one's partition."""
        numbers = self._next.numbers(records.partitions, records.partition)
        new = self._next.uncounted(numbers, records.offsets, records.next_offsets)
        return (records, numbers) if new is None else (records.where(new), numbers[new])

    def blocks(
        self, records: JudgedRecords, numbers: Index, buckets: Index
    ) -> Iterator[tuple[Block | None, int]]:
        """Count records, up to the end of a block at a time.

        Yields each block that they end, None after the last records if they end none, and the
        newest timestamp among what was counted for it. numbers: of the records' partitions, as
        `uncounted` gave them. buckets: of the error of each row.
        """
        row_ends = None if records.single else np.cumsum(records.rows)
        cuts = [0, *self._open.cuts(row_ends, records.timestamps)]
        row_cuts = cuts if row_ends is None else [0, *row_ends[np.array(cuts[1:]) - 1].tolist()]
        newest = np.maximum.reduceat(records.timestamps, cuts[:-1]).tolist()
        first = [records.timestamps.item(start) for start in cuts[:-1]]
        partition = records.of_each_row(numbers)
        known = self._next.complete
        steps = zip(pairwise(cuts), pairwise(row_cuts), first, newest, strict=True)
        for (start, end), (row, row_end), first_timestamp, last_timestamp in steps:
            self._open.begin(self.rows, first_timestamp, self._next)
            if not known:
                self._open.meet(self._next.first(numbers[start:end], records.offsets[start:end]))
            self._open.add(partition[row:row_end], buckets[row:row_end], last_timestamp)
            self._next.count(numbers[start:end], records.next_offsets[start:end])
            self.rows += row_end - row
            yield self.ended(), last_timestamp

    def add(self, summary: Summary) -> None:
        """Count a summary; ValueError if it was counted before, in whole or in part."""
        if summary.first_offset < self.next_offset(summary.partition):
            raise ValueError(f"{summary.partition}: offset {summary.first_offset} counted before")
        number = np.array([self._next.number(summary.partition)])
        buckets = summary.errors.each()
        self._open.begin(self.rows, summary.first_timestamp, self._next)
        self._open.meet(self._next.first(number, np.array([summary.first_offset])))
        self._open.add(np.repeat(number, buckets.size), buckets, summary.last_timestamp)
        self._next.count(number, np.array([summary.next_offset]))
        self.rows += buckets.size

    def ended(self) -> Block | None:
        """The block, if it has ended; another one begins then."""
        return self._open.take(self._next.partitions) if self._open.due else None

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        return {
            "next_offsets": offsets_state(self.next_offsets),
            "rows": self.rows,
            "open": self._open.state(self._next.partitions),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._next = NextOffsets(restored_offsets(state["next_offsets"]))
        self.rows = int(state["rows"])
        self._open.restore(state["open"], self._next.number)
