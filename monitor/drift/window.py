"""The rolling window of reconstruction errors.

A window is a row of panes. Rows enter the newest pane; when it is full, by rows or by stream
time, the oldest panes that are no longer needed are dropped. One distribution of all rows is
kept: what is new is added and what is dropped is taken out, row by row. So adding a block costs
about a microsecond and a read the same for each block that is new, whatever the window's size.

Memory: panes x 44 KB at most, about 1 MiB by default.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts, add_to
from models.distribution import ErrorDistribution
from monitor.drift.quantiles import quantile_of
from monitor.drift.runs import Run
from monitor.stream.records import Estimate

Index = NDArray[np.int64]

RECENT_BLOCKS: Final = 64
"""Newest blocks that are kept one by one, to say what errors were like since a record."""
FEW_ROWS: Final = 1024
"""Larger blocks are kept as counts: their rows one by one would need more memory."""


@dataclass(slots=True)
class _Pane:
    """Some consecutive rows: block by block while they are few, else summed up."""

    start_rows: int
    start_seconds: float
    last_seconds: float
    rows: int = 0
    blocks: list[BucketCounts] = field(default_factory=list)
    summed: ErrorDistribution | None = None

    def add(self, counts: BucketCounts) -> None:
        self.blocks.append(counts)
        self.rows += counts.total
        if len(self.blocks) > RECENT_BLOCKS:
            self.summed = self.summed or ErrorDistribution()
            add_to(self.summed.counts, self.blocks)
            self.blocks.clear()


class _Cut(NamedTuple):
    """A block: its counts, or the buckets of a run and which of them are the block's.

    start_rows: rows counted before it.
    """

    start_rows: int
    source: BucketCounts | Index
    first: int = 0
    last: int = 0

    @property
    def counts(self) -> BucketCounts:
        if isinstance(self.source, BucketCounts):
            return self.source
        return BucketCounts.from_buckets(self.source[self.first : self.last])


def _summed(panes: Iterable[_Pane]) -> ErrorDistribution:
    panes = list(panes)
    total = BucketCounts.summed(counts for pane in panes for counts in pane.blocks)
    for pane in panes:
        if pane.summed is not None:
            total += pane.summed
    return total


class RollingWindow:
    """The last `capacity` rows, or those of the last `seconds`, to within one pane.

    capacity: rows. seconds: stream time, instead of rows, if given. panes: how many steps the
    window moves in. A full window of rows holds at least `capacity` and, if nothing larger than
    a pane is added at once, less than two panes more.
    """

    def __init__(self, capacity: int, panes: int, seconds: float | None = None) -> None:
        self.capacity = capacity
        self.seconds = seconds
        self._pane_rows = max(1, capacity // panes)
        self._pane_seconds = None if seconds is None else seconds / panes
        self._panes: deque[_Pane] = deque()
        self._recent: deque[_Cut] = deque(maxlen=RECENT_BLOCKS)
        self._rows = 0
        self._now = 0.0
        self._errors = ErrorDistribution()
        self._unread: list[BucketCounts] = []
        self._dropped: list[BucketCounts] = []

    @property
    def records(self) -> int:
        """Rows in the window."""
        return self._rows

    @property
    def fill(self) -> float:
        """How full the window is, in [0, 1]."""
        if self.seconds is None:
            return min(1.0, self._rows / self.capacity)
        age = self._now - self._panes[0].start_seconds if self._panes else 0.0
        return min(1.0, age / self.seconds)

    @property
    def errors(self) -> ErrorDistribution:
        """The distribution of all errors in the window: until the next `add`, and to be read."""
        if self._unread:
            add_to(self._errors.counts, self._unread)
            self._unread.clear()
        if self._dropped:
            add_to(self._errors.counts, self._dropped, times=-1)
            self._dropped.clear()
        return self._errors

    def add(self, counts: BucketCounts, start_rows: int, now: float) -> None:
        """Add a block. start_rows: rows counted before it. now: stream time in seconds."""
        self._now = now
        if not self._panes or self._full(self._panes[-1]):
            self._panes.append(_Pane(start_rows, now, now))
        self._panes[-1].add(counts)
        self._panes[-1].last_seconds = now
        self._recent.append(_Cut(start_rows, counts))
        self._counted(counts)

    def add_run(self, run: Run, seconds: Sequence[float]) -> None:
        """Add consecutive blocks. seconds: stream time after each."""
        start_rows, cuts = [start.rows for start in run.starts], run.cuts
        first = 0
        while first < run.blocks:
            last = self._entering(first, cuts, start_rows, seconds)
            counts = BucketCounts.from_buckets(run.buckets[cuts[first] : cuts[last]])
            self._now = seconds[last - 1]
            self._panes[-1].add(counts)
            self._panes[-1].last_seconds = self._now
            self._counted(counts)
            first = last
        if max(run.sizes) <= FEW_ROWS:
            self._recent.extend(map(_Cut, start_rows, repeat(run.buckets), cuts[:-1], cuts[1:]))
            return
        each = (BucketCounts.from_buckets(run.buckets[a:b]) for a, b in pairwise(cuts))
        self._recent.extend(map(_Cut, start_rows, each))

    def _entering(
        self, first: int, cuts: list[int], start_rows: list[int], seconds: Sequence[float]
    ) -> int:
        """The end of the blocks from `first` on, one or more, that enter the newest pane."""
        self._now = seconds[first]
        if not self._panes or self._full(self._panes[-1]):
            self._panes.append(_Pane(start_rows[first], self._now, self._now))
        pane = self._panes[-1]
        if self._pane_seconds is not None:
            begin = pane.start_seconds
            return bisect_left(seconds, self._pane_seconds, first + 1, key=lambda now: now - begin)
        free = self._pane_rows - pane.rows
        return min(bisect_left(cuts, cuts[first] + free, first + 1), len(seconds))

    def _counted(self, counts: BucketCounts) -> None:
        """These entered the newest pane."""
        self._rows += counts.total
        self._unread.append(counts)
        self._expire()
        if max(len(self._unread), len(self._dropped)) > RECENT_BLOCKS:
            self._errors = self.errors

    def _full(self, pane: _Pane) -> bool:
        if self._pane_seconds is None:
            return pane.rows >= self._pane_rows
        return self._now - pane.start_seconds >= self._pane_seconds

    def _expire(self) -> None:
        """Drop the oldest panes, as long as what stays still fills the window."""
        while len(self._panes) > 1 and self._dispensable():
            oldest = self._panes.popleft()
            self._rows -= oldest.rows
            if oldest.summed is not None:
                self._errors.counts -= oldest.summed.counts
            self._dropped.extend(oldest.blocks)

    def _dispensable(self) -> bool:
        if self.seconds is None:
            return self._rows - self._panes[0].rows >= self.capacity
        return self._now - self._panes[0].last_seconds >= self.seconds

    def quantiles(self, levels: Sequence[float]) -> dict[float, Estimate]:
        """Rolling quantiles with their intervals; nan while the window is empty."""
        return {level: quantile_of(self.errors, level) for level in levels}

    def since(self, rows: int) -> ErrorDistribution:
        """Errors of the window after this many rows of the stream.

        Exact to the block for recent places; before them, to the pane, leaving out what lies in
        a pane that began earlier.
        """
        if self._recent and rows >= self._recent[0].start_rows:
            return BucketCounts.summed(c.counts for c in self._recent if c.start_rows >= rows)
        if self._panes and self._panes[0].start_rows >= rows:
            return self.errors
        return _summed(pane for pane in self._panes if pane.start_rows >= rows)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "rows": self._rows,
            "now": self._now,
            "panes": [
                {
                    "start_rows": pane.start_rows,
                    "start_seconds": pane.start_seconds,
                    "last_seconds": pane.last_seconds,
                    **_sparse(_summed([pane]).counts),
                }
                for pane in self._panes
            ],
            "recent": [
                {"start_rows": start, "buckets": counts.buckets, "counts": counts.counts}
                for start, counts in ((cut.start_rows, cut.counts) for cut in self._recent)
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._rows, self._now = int(state["rows"]), float(state["now"])
        self._panes.clear()
        self._recent.clear()
        self._unread.clear()
        self._dropped.clear()
        for stored in state["panes"]:
            pane = _Pane(
                int(stored["start_rows"]),
                float(stored["start_seconds"]),
                float(stored["last_seconds"]),
            )
            pane.add(_counts(stored))
            self._panes.append(pane)
        self._errors = _summed(self._panes)
        for stored in state["recent"]:
            self._recent.append(_Cut(int(stored["start_rows"]), _counts(stored)))


def _sparse(counts: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    occupied = np.flatnonzero(counts)
    return {"buckets": occupied, "counts": counts[occupied]}


def _counts(stored: Mapping[str, Any]) -> BucketCounts:
    return BucketCounts(np.array(stored["buckets"]), np.array(stored["counts"]))
