"""The bets of channels, on the ranks of their values among the calibration values.

A value's rank is put on one scale for all channels, whatever their units:

    u = rank of the value among the n calibration values / n        e = exp(Phi^-1(u))

so that e is lognormal with a spread of 1 without drift, and a factor of e is a shift of the value
in standard deviations. Bins end at calibration values of fixed ranks. Their probabilities are
then those of gaps between uniform order statistics, whatever the channel's law is (Wilks,
Annals of Mathematical Statistics 12, 1941): so one set of bets suits all channels, nothing of a
channel shapes them, and all n values bound their means. `FAILURE` is shared by all channels.

Values that come again and again have many ranks. Their bin then stands for all bins of these
ranks, and its factor is the mean of theirs: that of a rank drawn at random, without drawing. What
is constant or has few values so bets on how often each value comes. A place where no calibration
value lies has the factor of its end, and a bound for what its probability may be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.channels import Channels
from monitor.drift.detectors import bets as betting
from monitor.drift.detectors.alternatives import (
    ALTERNATIVES,
    WIDENINGS,
    Alternative,
    bin_probabilities,
)
from monitor.drift.detectors.bets import FAILURE, MIN_OUTSIDE, Bets
from monitor.drift.detectors.dependence import BLOCK_ROWS, FEWEST_BLOCKS, estimate

LEVELS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8,
                 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # fmt: skip
FEWEST: Final = 200
"""Calibration records below which channels would tell next to nothing."""
RANKED: Final = (*ALTERNATIVES, *WIDENINGS)
"""The alternatives that channels bet on, B of them."""
LOCAL: Final = 8
"""Where channels swing over the day, calibration values bound the bets as if they were so many
times fewer: what they say of each three hours, of which a stream may have thousands of records in
a row, and where something of the swing may be left."""
GRAIN: Final = 2.0**-20
"""Sums of multiples of it are exact, in any order."""
_CLOSE: Final = 1e-5
"""How near to a value that comes again and again is the same, where it has no neighbour."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RankBets:
    """K bins of each of C channels, and B bets on them.

    edges: float32 (C, K - 1), ascending: bin k has values above edges[k - 1] and up to edges[k].
    log_factors: (C, K, B), what a record in a bin adds to the logarithm of each bet's capital.
    plain: bool (C,), channels whose log_factors are `shared` (K, B) less `log_bounds` (C, B). All
    logarithms are multiples of GRAIN. counts: (C, K), calibration values in each bin. inflation:
    (C, B), of dependence between neighbours, from ordered calibration values; None if their order
    is not known.
    """

    edges: NDArray[np.float32]
    log_factors: Floats
    shared: Floats
    log_bounds: Floats
    plain: NDArray[np.bool_]
    counts: Index
    inflation: Floats | None

    @property
    def useful(self) -> NDArray[np.bool_]:
        """Bool (C, B): bets that can win anything."""
        useful: NDArray[np.bool_] = self.log_factors.max(axis=1) > 0
        return useful

    @property
    def worth(self) -> Floats | None:
        """How many independent records the calibration of each channel is worth, (C,).

        None if its order, which tells it, is not known.
        """
        if self.inflation is None:
            return None
        return np.asarray(self.counts.sum(axis=1) / self.inflation.max(axis=1))

    def bets(self, channel: int) -> Bets:
        """Those of one channel, for what looks at the dependence of neighbours."""
        return _bets(self.log_factors[channel], self.counts[channel])


def build(channels: Channels, tolerance: float) -> RankBets:
    """The bets on channels; ValueError if they have fewer than FEWEST calibration records.

    tolerance: shift, as a factor of e, that is no drift: 0.05 is 0.05 standard deviations.
    """
    count = channels.values.shape[1]
    if count < FEWEST:
        raise ValueError(f"channels need {FEWEST} calibration records or more, got {count}")
    ranks = np.array([math.ceil(q * count) for q in LEVELS if _outside(q, count)], dtype=np.int64)
    ascending = np.sort(channels.values, axis=1)
    edges = np.stack([_edges(each, ranks) for each in ascending])
    counts = np.stack(
        [np.diff(np.searchsorted(v, e, side="right"), prepend=0, append=count)
         for v, e in zip(ascending, edges, strict=True)]
    )  # fmt: skip
    factors, tolerated = _factors(count, ranks, tolerance)  # (B, K), (B, K) expected counts
    nominal = np.diff(ranks, prepend=0, append=count)
    plain = (counts == nominal).all(axis=1)
    inflation = None
    if channels.ordered:
        inflation = _inflation(channels.values, edges, counts, factors, ranks)
    least = 1.0 if channels.context is None else float(LOCAL)
    failure = FAILURE / len(edges)
    bounds = np.empty((len(edges), len(factors)))
    log_factors = np.empty((len(edges), counts.shape[1], len(factors)))
    shared = _grained(factors.T)
    for c, own in enumerate(counts):
        # As for the error, dependent calibration values say less of every bet.
        each = np.full(len(factors), least if inflation is None else max(inflation[c].max(), least))
        bounds[c] = betting.mean_bounds(factors, tolerated, each, failure)
        mine = _spread(own, ranks) @ factors.T  # (K, B)
        bounds[c] += _unseen(mine, own, failure / len(factors)) * each
        log_factors[c] = _grained(mine) - _grained(bounds[c])
    return RankBets(edges, log_factors, shared, _grained(bounds), plain, counts, inflation)


def _grained(factors: Floats) -> Floats:
    """Their logarithms, rounded to multiples of GRAIN."""
    return np.asarray(np.rint(np.log(factors) / GRAIN) * GRAIN)


def _outside(level: float, count: int) -> bool:
    return min(level, 1 - level) * count >= MIN_OUTSIDE


def _factors(count: int, ranks: Index, tolerance: float) -> tuple[Floats, Floats]:
    """Likelihood ratios of the bins (B, K), and expected counts at the edge of the tolerance."""
    grid = np.exp(special.ndtri((np.arange(count) + 0.5) / count))
    edges, scale = np.sqrt(grid[ranks - 1] * grid[ranks]), 1 + tolerance
    factors = np.stack([betting.shape(a, grid, edges, scale) for a in RANKED])
    rows = []
    for alternative, factor in zip(RANKED, factors, strict=True):
        ends = (scale, 1 / scale) if not alternative.monotone else (_end(alternative, scale),)
        shares = [bin_probabilities(grid, edges / end) for end in ends]
        rows.append(count * max(shares, key=lambda share: float(share @ factor)))
    return factors, np.stack(rows)


def _end(alternative: Alternative, scale: float) -> float:
    return scale if alternative.upward else 1 / scale


def _edges(ascending: NDArray[np.float32], ranks: Index) -> NDArray[np.float32]:
    """Where the bins of a channel end, (K - 1,): a value of many ranks has a bin of its own."""
    edges = ascending[ranks - 1].copy()
    values, first, length = np.unique(edges, return_index=True, return_counts=True)
    for value, start, times in zip(values, first, length, strict=True):
        if times > 1:
            below, above = _around(ascending, value)
            edges[start] = below
            edges[start + 1 : start + times] = above
    return edges


def _around(ascending: NDArray[np.float32], value: np.float32) -> tuple[float, float]:
    """Half-way from a value to its neighbours."""
    left, right = (int(np.searchsorted(ascending, value, side=s)) for s in ("left", "right"))
    close = _CLOSE * max(abs(float(value)), 1.0)
    below = (ascending[left - 1] + value) / 2 if left else value - close
    above = (ascending[right] + value) / 2 if right < ascending.size else value + close
    # Between neighbours in float32 there may be nothing.
    return min(float(below), float(np.nextafter(value, np.float32(-np.inf)))), float(above)


def _spread(counts: Index, ranks: Index) -> Floats:
    """Share of the ranks in each value bin that each rank bin has, (K, K)."""
    count = int(counts.sum())
    ends, levels = np.cumsum(counts), np.append(ranks, count)
    starts, floors = ends - counts, np.append(0, ranks)
    overlap = np.minimum(ends[:, None], levels) - np.maximum(starts[:, None], floors)
    share = np.maximum(overlap, 0.0) / np.maximum(counts, 1)[:, None]
    for empty in np.flatnonzero(counts == 0):
        at = int(np.searchsorted(levels, max(int(ends[empty]), 1)))
        share[empty, 0 if ends[empty] == 0 else counts.size - 1 if ends[empty] == count else at] = 1
    return np.asarray(share)


def _unseen(factors: Floats, counts: Index, failure: float) -> Floats:
    """What bins without calibration values may add to the mean of each bet, (B,)."""
    gain = np.where((counts == 0)[:, None] & (factors > 1), factors, 0.0).max(axis=0)
    return np.asarray(gain * -math.log(failure) / counts.sum())


def _bets(log_factors: Floats, counts: Index) -> Bets:
    shares = counts / counts.sum()
    means = shares @ log_factors
    variances = shares @ (log_factors - means) ** 2
    nothing = np.empty(0, dtype=np.int64)
    return Bets(nothing, log_factors, means, variances, RANKED, 0.0)


def _inflation(
    values: NDArray[np.float32], edges: NDArray[np.float32], counts: Index, factors: Floats,
    ranks: Index,
) -> Floats | None:  # fmt: skip
    """How far neighbours depend on each other, (C, B); None if the values are too few to tell."""
    rows = int(np.clip(values.shape[1] // 400, 16, BLOCK_ROWS))
    blocks = values.shape[1] // rows
    if blocks < 2 * FEWEST_BLOCKS:
        return None
    found = np.empty((len(values), len(factors)))
    block = np.repeat(np.arange(blocks), rows)
    for c, (value, edge, count) in enumerate(zip(values, edges, counts, strict=True)):
        table = np.zeros((blocks, count.size))
        np.add.at(table, (block, np.searchsorted(edge, value[: block.size], side="left")), 1)
        mine = np.log(_spread(count, ranks) @ factors.T)
        found[c] = estimate(_bets(mine, count), table, caution=1.0)
    return found
