"""The intake: counts each offset once, and cuts what it counts into blocks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Block, OpenBlock, Position, Run
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
        self.next = NextOffsets()
        self.open = OpenBlock(limit, seconds)
        self.rows = 0

    def next_offset(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        return self.next.of(partition)

    @property
    def next_offsets(self) -> Offsets:
        """The next offset of each partition that something was counted of."""
        return self.next.snapshot()

    def uncounted(self, records: JudgedRecords) -> tuple[JudgedRecords, Index]:
        """The records that were not counted yet, and the number of each one's partition."""
        numbers = self.next.numbers(records.partitions, records.partition)
        new = self.next.uncounted(numbers, records.offsets, records.next_offsets)
        return (records, numbers) if new is None else (records.where(new), numbers[new])

    def coming(self, records: JudgedRecords, numbers: Index, buckets: Index) -> Coming:
        """Records to count, one or more, that were not counted yet.

        numbers: of their partitions, as `uncounted` gave them. buckets: of the error of each row.
        """
        return Coming(self, records, numbers, buckets)

    def add(self, summary: Summary) -> None:
        """Count a summary; ValueError if it was counted before, in whole or in part."""
        if summary.first_offset < self.next_offset(summary.partition):
            raise ValueError(f"{summary.partition}: offset {summary.first_offset} counted before")
        number = np.array([self.next.number(summary.partition)])
        buckets = summary.errors.each()
        self.open.begin(self.rows, summary.first_timestamp, self.next)
        self.open.meet(self.next.first(number, np.array([summary.first_offset])))
        self.open.add(np.repeat(number, buckets.size), buckets, summary.last_timestamp)
        self.next.count(number, np.array([summary.next_offset]))
        self.rows += buckets.size

    def ended(self) -> Block | None:
        """The block, if it has ended; another one begins then."""
        return self.open.take(self.next.partitions) if self.open.due else None

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        return {
            "next_offsets": offsets_state(self.next_offsets),
            "rows": self.rows,
            "open": self.open.state(self.next.partitions),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.next = NextOffsets(restored_offsets(state["next_offsets"]))
        self.rows = int(state["rows"])
        self.open.restore(state["open"], self.next.number)


class Coming:
    """Records that are being counted: up to the end of a block at a time, or many blocks at once.

    left: how many steps are left, each up to the end of a block or of the records.
    """

    def __init__(
        self, intake: Intake, records: JudgedRecords, numbers: Index, buckets: Index
    ) -> None:
        self._intake, self._records = intake, records
        self._numbers, self._buckets = numbers, buckets
        self._partition = records.of_each_row(numbers)
        row_ends = None if records.single else np.cumsum(records.rows)
        self._cuts = cuts = [0, *intake.open.cuts(row_ends, records.timestamps)]
        self._row_cuts = (
            cuts if row_ends is None else [0, *row_ends[np.array(cuts[1:]) - 1].tolist()]
        )
        self._newest = np.maximum.reduceat(records.timestamps, cuts[:-1]).tolist()
        self._known = intake.next.complete
        self._at = 0
        self._after: list[Offsets] = []
        self.left = len(cuts) - 1

    def step(self) -> tuple[Block | None, int]:
        """Count up to the end of a block; the block, and the newest timestamp of what was counted.

        None after the last records if they end none.
        """
        intake, newest = self._intake, self._newest[self._at]
        start, end = self._cuts[self._at : self._at + 2]
        row, row_end = self._row_cuts[self._at : self._at + 2]
        numbers = self._numbers[start:end]
        intake.open.begin(intake.rows, self._records.timestamps.item(start), intake.next)
        if not self._known:
            intake.open.meet(intake.next.first(numbers, self._records.offsets[start:end]))
        intake.open.add(self._partition[row:row_end], self._buckets[row:row_end], newest)
        intake.next.count(numbers, self._records.next_offsets[start:end])
        intake.rows += row_end - row
        self._at += 1
        self.left -= 1
        return intake.ended(), newest

    def run(self, most: int, until: int) -> Run | None:
        """The next blocks, not counted yet; None if they are fewer than two.

        most: how many at most. until: the block that brings the stream to so many rows is the
        last. Left out are blocks with a partition's first records: see `OpenBlock.meet`.
        """
        cuts, first = self._row_cuts, self._at
        missing = until - self._intake.rows + cuts[first]
        blocks = min(self._whole, most, bisect_left(cuts, missing, first + 1) - first)
        if blocks > 1 and not self._known:
            self._known = self._intake.next.complete
        return self._run(first, first + blocks) if blocks > 1 and self._known else None

    @property
    def _whole(self) -> int:
        """How many of the next blocks certainly end."""
        rows = self._row_cuts[-1] - self._row_cuts[-2]
        if self.left == 1:
            rows += self._intake.open.rows
        return self.left - (rows < self._intake.open.limit)

    def _run(self, first: int, last: int) -> Run:
        cuts = self._cuts[first : last + 1]
        start, end = cuts[0], cuts[-1]
        row, row_end = self._row_cuts[first], self._row_cuts[last]
        rows = [cut - row for cut in self._row_cuts[first : last + 1]]
        self._after = self._intake.next.after(
            self._numbers[start:end],
            self._records.next_offsets[start:end],
            [cut - start for cut in cuts[1:]],
        )
        timestamps = self._records.timestamps[cuts[:-1]].tolist()
        before = self._intake.rows
        starts = zip(rows[:-1], timestamps, self._after[:-1], strict=True)
        run = Run(
            self._intake.next.partitions,
            self._partition[row:row_end],
            self._buckets[row:row_end],
            rows,
            [Position(before + count, time, offsets) for count, time, offsets in starts],
            [max(0, newest) for newest in self._newest[first:last]],
            [b - a < self._intake.open.limit for a, b in pairwise(rows)],
        )
        return self._intake.open.before(run)

    def count(self, blocks: int) -> int:
        """Count so many blocks of the run that was made last; the newest timestamp of the last."""
        intake, end = self._intake, self._at + blocks
        intake.rows += self._row_cuts[end] - self._row_cuts[self._at]
        intake.next.go_on(self._after[blocks])
        intake.open.clear()
        self._at = end
        self.left -= blocks
        return int(self._newest[end - 1])
