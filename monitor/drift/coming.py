"""Coming: records on their way into the intake, block by block or many blocks at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Block, Position
from monitor.drift.channels.digits import Digitise, no_digits
from monitor.drift.intake import Intake
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.next_offsets import Offsets
from monitor.drift.readings import Stretches
from monitor.drift.runs import Run, after

Index = NDArray[np.int64]


class Coming:
    """Records that are being counted: up to the end of a block at a time, or many blocks at once.

    left: how many steps are left, each up to the end of a block or of the records.
    """

    def __init__(
        self,
        intake: Intake,
        records: JudgedRecords,
        numbers: Index,
        buckets: Index,
        digitise: Digitise = no_digits,
    ) -> None:
        """records: not counted yet, one or more.

        numbers: of their partitions, as `Intake.uncounted` gave them. buckets: of the error of
        each row.
        """
        self._intake, self._records = intake, records
        self._numbers, self._buckets = numbers, buckets
        self._partition = records.of_each_row(numbers)
        row_ends = None if records.single else np.cumsum(records.rows)
        self._cuts = cuts = [0, *intake.open.cuts(row_ends, records.timestamps, numbers)]
        self._row_cuts = (
            cuts if row_ends is None else [0, *row_ends[np.array(cuts[1:]) - 1].tolist()]
        )
        newest = np.maximum.reduceat(records.timestamps, cuts[:-1])
        self._newest = newest.tolist()
        single = newest if len(intake.next.partitions) == 1 else None
        self._stretches = Stretches(numbers, records.timestamps, records.arrivals, cuts, single)
        self._known = intake.next.complete
        self._digits = digitise(records.channels, self._row_cuts, self._partition, intake.last)
        self._at = 0
        self._after: list[Offsets] = []
        self._starts: list[Position] = []
        self.left = len(cuts) - 1

    def step(self) -> tuple[Block | None, int]:
        """Count up to the end of a block; the block, and the newest timestamp of what was counted.

        None after the last records if they end none.
        """
        intake, newest = self._intake, self._newest[self._at]
        start, end = self._cuts[self._at : self._at + 2]
        row, row_end = self._row_cuts[self._at : self._at + 2]
        numbers = self._numbers[start:end]
        times = self._records.timestamps[start:end]
        intake.open.begin(intake.rows, int(times[0]), int(numbers[0]), intake.next)
        if not self._known:
            intake.open.meet(intake.next.first(numbers, self._records.offsets[start:end]))
        readings = self._stretches.of(self._at, self._at + 1)
        intake.open.add(
            self._partition[row:row_end],
            self._buckets[row:row_end],
            newest,
            readings,
            last=intake.open.ends(times, numbers),
        )
        if self._digits is not None:
            intake.channels.add(self._digits.tally(self._at))
        intake.next.count(numbers, self._records.next_offsets[start:end])
        intake.rows += row_end - row
        self._at += 1
        self.left -= 1
        return intake.ended(), newest

    def before(self, rows: int) -> bool:
        """True while the stream has fewer rows than these."""
        return self._intake.rows < rows

    def run(self, most: int) -> Run | None:
        """The next blocks, not counted yet; None if they are fewer than two.

        most: how many at most. Left out are blocks with a partition's first records: see
        `OpenBlock.meet`.
        """
        first = self._at
        blocks = min(self._whole, most)
        if self._digits is None and self._intake.channels.tally is not None:
            return None  # its first block has channels, and the others have none
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
        intake, cuts = self._intake, self._cuts[first : last + 1]
        start, end = cuts[0], cuts[-1]
        row, row_end = self._row_cuts[first], self._row_cuts[last]
        rows = [cut - row for cut in self._row_cuts[first : last + 1]]
        self._after = intake.next.after(
            self._numbers[start:end],
            self._records.next_offsets[start:end],
            [cut - start for cut in cuts[1:]],
        )
        time, before, limit = self._records.timestamps.item, intake.rows, intake.open.limit
        places = zip(rows[:-1], cuts[:-1], self._after[:-1], strict=True)
        sizes = [b - a for a, b in pairwise(rows)]
        run = Run(
            intake.next.partitions,
            self._partition[row:row_end],
            self._buckets[row:row_end],
            rows,
            sizes,
            [Position(before + count, time(cut), offsets) for count, cut, offsets in places],
            [max(0, newest) for newest in self._newest[first:last]],
            [size < limit for size in sizes],
            self._stretches.of(first, last),
            None if self._digits is None else self._digits.tallies(first, last),
        )
        if intake.open.rows:
            run = after(intake.open, intake.channels.tally, run, limit)
        self._starts = run.starts
        return run

    def count(self, blocks: int, until: Callable[[], int]) -> Iterator[tuple[int, int]]:
        """Count so many blocks of the run that was made last, bit by bit.

        Yields how many were counted, and the newest timestamp of the last of them. until: the
        block that brings the stream to so many rows is the last of its bit.
        """
        cuts, intake, begin = self._row_cuts, self._intake, self._at
        while self._at < begin + blocks:
            first = self._at
            missing = until() - intake.rows + cuts[first]
            end = min(begin + blocks, bisect_left(cuts, missing, first + 1))
            intake.rows += cuts[end] - cuts[first]
            intake.next.go_on(self._after[end - begin])
            intake.open.skip(self._starts[end - begin - 1])
            intake.channels.take()
            self._at = end
            self.left -= end - first
            yield end - first, int(self._newest[end - 1])
