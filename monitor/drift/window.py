"""The rolling window of reconstruction errors.

A window is a row of panes. Rows enter the newest pane; when it is full, by rows or by stream
time, the oldest panes that are no longer needed are dropped. One distribution of all rows is
kept: what is new is added and what is dropped is taken out, row by row. So adding a block costs
about a microsecond and a read the same for each block that is new, whatever the window's size.

Memory: panes x 44 KB at most, about 1 MiB by default.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.bucket_counts import BucketCounts, add_to
from models.distribution import ErrorDistribution, order_statistic
from monitor.stream.records import Estimate

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CONFIDENCE: Final = 0.95
RECENT_BLOCKS: Final = 64
"""Newest blocks that are kept one by one, to say what errors were like since a record."""


@lru_cache(maxsize=16384)
def ranks_around(total: int, levels: tuple[float, ...]) -> tuple[Index, NDArray[np.bool_] | None]:
    """Rank of each quantile, and of the order statistics around it, (levels, 3).

    Second comes which of them there are not, or None if there are all: their rank stands at an
    end. A full window has few sizes, and the binomial quantiles take longer than all else here.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = _binomial_quantiles(np.array([[tail], [1 - tail]]), total, np.array(levels))
    ranks = np.stack([[order_statistic(level, total) for level in levels], low, high + 1], axis=1)
    missing = (ranks < 1) | (ranks > total)
    return np.clip(ranks, 1, total), missing if missing.any() else None


def _binomial_quantiles(shares: Floats, total: int, chance: Floats) -> Index:
    """The smallest number k with P(at most k of `total`) >= share, for each of the shares (2, 1).

    chance: of each, (n,). Returns (2, n). The normal approximation with its correction for
    skewness (Cornish and Fisher 1937) is nearly always right or one too small.
    """
    z = special.ndtri(shares)
    spread = np.sqrt(total * chance * (1 - chance))
    guess = np.floor(total * chance + z * spread + (z * z - 1) * (1 - 2 * chance) / 6 + 0.5)
    guess = np.clip(guess, 0, total)
    right = special.bdtr(guess, total, chance) >= shares
    right &= (guess == 0) | (special.bdtr(np.maximum(guess - 1, 0), total, chance) < shares)
    if not right.all():
        exact = np.ceil(special.bdtrik(shares, total, chance))
        before = np.maximum(exact - 1, 0)
        exact = np.where(special.bdtr(before, total, chance) >= shares, before, exact)
        guess = np.where(right, guess, exact)
    return np.asarray(guess, dtype=np.int64)


def quantiles_of(errors: ErrorDistribution, levels: tuple[float, ...]) -> Floats:
    """Quantiles, and the order statistics that enclose each with 95% confidence, (levels, 3).

    The interval is distribution-free and holds for independent errors (David and Nagaraja,
    Order Statistics, 2003, section 7.1). A bound is nan where no order statistic reaches it.
    """
    values, at_most = errors.cumulative()
    total = int(at_most[-1])
    if total == 0:
        return np.full((len(levels), 3), np.nan)
    ranks, missing = ranks_around(total, levels)
    found = values.take(at_most.searchsorted(ranks))
    if missing is not None:
        found[missing] = np.nan
    return found


def quantile_of(errors: ErrorDistribution, level: float) -> Estimate:
    """One quantile, as of `quantiles_of`."""
    return Estimate(*quantiles_of(errors, (level,))[0].tolist())


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

    def take_from(self, dense: Index) -> None:
        """Take all rows out of the counts of all buckets."""
        if self.summed is not None:
            dense -= self.summed.counts
        add_to(dense, self.blocks, times=-1)


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
        self._recent: deque[tuple[int, BucketCounts]] = deque(maxlen=RECENT_BLOCKS)
        self._rows = 0
        self._now = 0.0
        self._errors = ErrorDistribution()
        self._unread: list[BucketCounts] = []

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
        return self._errors

    def add(self, counts: BucketCounts, start_rows: int, now: float) -> None:
        """Add a block. start_rows: rows counted before it. now: stream time in seconds."""
        self._now = now
        if not self._panes or self._full(self._panes[-1]):
            self._panes.append(_Pane(start_rows, now, now))
        self._panes[-1].add(counts)
        self._panes[-1].last_seconds = now
        self._recent.append((start_rows, counts))
        self._rows += counts.total
        self._unread.append(counts)
        self._expire()
        if len(self._unread) > RECENT_BLOCKS:
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
            oldest.take_from(self.errors.counts)

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
            return BucketCounts.summed(counts for start, counts in self._recent if start >= rows)
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
                for start, counts in self._recent
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._rows, self._now = int(state["rows"]), float(state["now"])
        self._panes.clear()
        self._recent.clear()
        self._unread.clear()
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
            self._recent.append((int(stored["start_rows"]), _counts(stored)))


def _sparse(counts: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    occupied = np.flatnonzero(counts)
    return {"buckets": occupied, "counts": counts[occupied]}


def _counts(stored: Mapping[str, Any]) -> BucketCounts:
    return BucketCounts(np.array(stored["buckets"]), np.array(stored["counts"]))
