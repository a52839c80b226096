"""The rolling window of reconstruction errors.

A window is a row of panes. Rows enter the newest pane; when it is full, by rows or by stream
time, the oldest panes that are no longer needed are dropped. Nothing is summed until somebody
reads: adding a block costs about a microsecond, a read one addition over the buckets for each
pane that is new since the last read and one cumulative sum.

Memory: panes x 44 KB at most, about 1 MiB by default.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.bucket_counts import BucketCounts
from models.distribution import ErrorDistribution, bucket_values, order_statistic
from monitor.stream.records import UNKNOWN, Estimate

CONFIDENCE: Final = 0.95
RECENT_BLOCKS: Final = 64
"""Newest blocks that are kept one by one, to say what errors were like since a record."""


@lru_cache(maxsize=4096)
def _enclosing_ranks(total: int, level: float) -> tuple[int, int]:
    """Ranks of the order statistics around a quantile. A full window has few sizes, and the
    binomial quantiles take a hundred times as long as everything else here.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = stats.binom.ppf([tail, 1 - tail], total, level)
    return int(low), int(high) + 1


def quantile_of(errors: ErrorDistribution, level: float) -> Estimate:
    """Quantile with the order statistics that enclose it with 95% confidence.

    The interval is distribution-free and holds for independent errors (David and Nagaraja,
    Order Statistics, 2003, section 7.1). A bound is nan where no order statistic reaches it.
    """
    total = errors.total
    if total == 0:
        return UNKNOWN
    low, high = _enclosing_ranks(total, level)
    cumulative = np.cumsum(errors.counts)

    def at(rank: int) -> float:
        if not 1 <= rank <= total:
            return float("nan")
        return float(bucket_values[np.searchsorted(cumulative, rank)])

    return Estimate(at(order_statistic(level, total)), at(low), at(high))


@dataclass(slots=True)
class _Pane:
    """Some consecutive rows: summed up as far as somebody has read them."""

    start_rows: int
    start_seconds: float
    last_seconds: float
    rows: int = 0
    unread: list[BucketCounts] = field(default_factory=list)
    summed: ErrorDistribution | None = None

    def add(self, counts: BucketCounts) -> None:
        self.unread.append(counts)
        self.rows += counts.total
        if len(self.unread) > RECENT_BLOCKS:
            self.distribution()

    def distribution(self) -> ErrorDistribution:
        if self.summed is None:
            self.summed = ErrorDistribution()
        for counts in self.unread:
            self.summed.counts[counts.buckets] += counts.counts
        self.unread.clear()
        return self.summed


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
        self._recent: deque[tuple[int, BucketCounts]] = deque(maxlen=RECENT_BLOCKS)
        self._rows = 0
        self._now = 0.0
        self._cached: ErrorDistribution | None = None

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
        """The distribution of all errors in the window. Read it, do not change it."""
        if self._cached is None:
            self._cached = _sum(pane.distribution() for pane in self._panes)
        return self._cached

    def add(self, counts: BucketCounts, start_rows: int, now: float) -> None:
        """Add a block. start_rows: rows counted before it. now: stream time in seconds."""
        self._now = now
        if not self._panes or self._full(self._panes[-1]):
            self._panes.append(_Pane(start_rows, now, now))
        self._panes[-1].add(counts)
        self._panes[-1].last_seconds = now
        self._recent.append((start_rows, counts))
        self._rows += counts.total
        self._cached = None
        self._expire()

    def _full(self, pane: _Pane) -> bool:
        if self._pane_seconds is None:
            return pane.rows >= self._pane_rows
        return self._now - pane.start_seconds >= self._pane_seconds

    def _expire(self) -> None:
        """Drop the oldest panes, as long as what stays still fills the window."""
        while len(self._panes) > 1 and self._dispensable():
            self._rows -= self._panes.popleft().rows

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
        if self._recent and rows >= self._recent[0][0]:
            parts = [counts for start, counts in self._recent if start >= rows]
            return BucketCounts.merged(parts).distribution()
        return _sum(pane.distribution() for pane in self._panes if pane.start_rows >= rows)

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
                    **_sparse(pane.distribution().counts),
                }
                for pane in self._panes
            ],
            "recent": [
                {"start_rows": start, "buckets": counts.buckets, "counts": counts.counts}
                for start, counts in self._recent
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._rows, self._now = int(state["rows"]), float(state["now"])
        self._panes.clear()
        self._recent.clear()
        self._cached = None
        for stored in state["panes"]:
            pane = _Pane(
                int(stored["start_rows"]),
                float(stored["start_seconds"]),
                float(stored["last_seconds"]),
            )
            pane.add(_counts(stored))
            self._panes.append(pane)
        for stored in state["recent"]:
            self._recent.append((int(stored["start_rows"]), _counts(stored)))


def _sum(parts: Any) -> ErrorDistribution:
    total = ErrorDistribution()
    for part in parts:
        total += part
    return total


def _sparse(counts: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    occupied = np.flatnonzero(counts)
    return {"buckets": occupied, "counts": counts[occupied]}


def _counts(stored: Mapping[str, Any]) -> BucketCounts:
    return BucketCounts(np.array(stored["buckets"]), np.array(stored["counts"]))
