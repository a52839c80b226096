"""ErrorDistribution: a histogram of reconstruction errors with a relative error guarantee.

Guarantee: every quantile is within 0.5% of the exact order statistic, for errors from 1e-12 to
1e12. Buckets are spaced by gamma = (1 + a) / (1 - a), a = 0.005, so one value stands for its
whole bucket within a relative error of a (Masson, Rim and Lee, DDSketch, VLDB 2019, section 2).

    error 0.0031 -> bucket 2186, (0.003086, 0.003117], reported as 0.003102

Errors up to 1e-12 share one bucket and are reported as 0; errors above 1e12 share another and
are reported as 1.008e12. Memory: 5,529 int64 counts, 44 KB, whatever is added. Merging and
subtracting are additions of counts: exact, associative and commutative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

RELATIVE_ERROR: Final = 0.005
SMALLEST: Final = 1e-12
LARGEST: Final = 1e12
SCHEME: Final = "log-0.005-1e-12-1e12"
"""Names the buckets in JSON; counts of another scheme cannot be added to ours."""

_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA: Final = math.log(_GAMMA)
_CELL_BITS: Final = 52 - 7
"""Low bits of a float64 that a cell leaves open: 128 cells from each power of 2 to the next, all
narrower than a bucket."""
_INFINITY: Final = 0x7FF0 << 48
"""The bits of the float64 infinity: those of a finite number are less, unless its sign is set."""
_BUCKETS: Final = math.ceil(math.log(LARGEST / SMALLEST) / _LOG_GAMMA)


def _upper_edges() -> NDArray[np.float64]:
    edges = SMALLEST * np.exp(_LOG_GAMMA * np.arange(_BUCKETS + 1))
    return np.append(edges, np.inf)


def _bucket_values() -> NDArray[np.float64]:
    values = bucket_edges * (2 / (1 + _GAMMA))
    values[0], values[-1] = 0.0, bucket_edges[-2]
    return values


def _bucket_of_each_cell() -> NDArray[np.int64]:
    starts = (np.arange(_FIRST_CELL, _LAST_CELL + 1) << _CELL_BITS).view(np.float64)
    return np.searchsorted(bucket_edges, starts, side="left").astype(np.int64)


bucket_edges: Final = _upper_edges()
"""Upper edges: bucket i holds errors in (bucket_edges[i - 1], bucket_edges[i]]; the last is inf."""
bucket_values: Final = _bucket_values()
"""The value that stands for each bucket."""
_FIRST_CELL, _LAST_CELL = (
    int(np.float64(end).view(np.int64)) >> _CELL_BITS for end in (SMALLEST / 2, 2 * LARGEST)
)
_cell_buckets: Final = _bucket_of_each_cell()
"""The bucket of each cell's smallest number; the others are in it or in the next one."""


def bucket_index(errors: ArrayLike) -> NDArray[np.int64]:
    """Bucket of each error, int64, same shape; exact with respect to `bucket_edges`.

    Raises ValueError unless all errors are finite and >= 0.
    """
    errors = np.asarray(errors, dtype=np.float64, order="C")
    if errors.size and errors.view(np.uint64).max() >= _INFINITY:
        if not (errors.min() >= 0 and errors.max() < np.inf):  # nan fails both
            raise ValueError("errors must be finite and at least 0")
        errors = errors + 0.0  # it has a -0.0
    cells = errors.view(np.int64) >> _CELL_BITS
    cells -= _FIRST_CELL
    index = _cell_buckets.take(cells, mode="clip")
    index += errors > bucket_edges.take(index)
    return np.asarray(index)


def order_statistic(quantile: float, count: float) -> int:
    """The k of the k-th smallest: ceil(quantile * count), at least 1.

    Free of rounding surprises: 0.7 * 10 is 7.000000000000001 in floating point, yet k is 7.
    """
    return max(1, math.ceil(quantile * count * (1 - 1e-12)))


class ErrorDistribution:
    """Counts of errors in fixed log-spaced buckets; see the module for the guarantee.

    counts: int64, one per bucket. `+=` and `-=` change it in place, `merge` and `subtract`
    make a new one.
    """

    __slots__ = ("counts",)
    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(bucket_edges.size, dtype=np.int64)

    @classmethod
    def from_errors(cls, errors: ArrayLike) -> ErrorDistribution:
        """Return the distribution of the errors; ValueError unless finite and >= 0."""
        return cls().add(errors)

    def add(self, errors: ArrayLike) -> ErrorDistribution:
        """Count the errors in place and return self; ValueError unless finite and >= 0."""
        index = bucket_index(errors).ravel()
        self.counts += np.bincount(index, minlength=self.counts.size)
        return self

    @property
    def total(self) -> int:
        """How many errors were counted."""
        return int(self.counts.sum())

    def copy(self) -> ErrorDistribution:
        """Return an equal distribution that shares nothing with this one."""
        twin = ErrorDistribution()
        twin.counts[:] = self.counts
        return twin

    def merge(self, other: ErrorDistribution) -> ErrorDistribution:
        """Return the distribution of both sets of errors together."""
        merged = self.copy()
        merged += other
        return merged

    def subtract(self, other: ErrorDistribution) -> ErrorDistribution:
        """Return the distribution with the other's errors taken out: undoes merge exactly.

        Raises ValueError if `other` holds errors that are not here.
        """
        rest = self.copy()
        rest -= other
        return rest

    def __iadd__(self, other: ErrorDistribution) -> ErrorDistribution:
        self.counts += other.counts
        return self

    def __isub__(self, other: ErrorDistribution) -> ErrorDistribution:
        rest = self.counts - other.counts
        if rest.min() < 0:
            raise ValueError("cannot subtract errors that were never added")
        self.counts[:] = rest
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ErrorDistribution) and np.array_equal(self.counts, other.counts)

    def __repr__(self) -> str:
        return f"ErrorDistribution(total={self.total}, median={self.quantile(0.5):.4g})"

    def quantile(self, q: float) -> float:
        """The ceil(q * total)-th smallest error within 0.5%; nan when empty."""
        return float(self.quantiles([q])[0])

    def quantiles(self, qs: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles for each q in [0, 1], float64 (len(qs),); nan when empty."""
        if any(not 0 <= q <= 1 for q in qs):
            raise ValueError(f"quantile levels must lie in [0, 1], got {list(qs)}")
        values, at_most = self.cumulative()
        total = int(at_most[-1])
        if total == 0:
            return np.full(len(qs), np.nan)
        ranks = [order_statistic(float(q), total) for q in qs]
        return np.asarray(values.take(at_most.searchsorted(ranks)))

    def cumulative(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Values of buckets, ascending, and how many errors are in each or below it, both (k,).

        From the first bucket that is occupied to the last.
        """
        # They are few and next to each other: to sum up all buckets takes several times as long.
        occupied = (self.counts != 0).tobytes()
        first, last = max(0, occupied.find(1)), occupied.rfind(1) + 1 or len(occupied)
        return bucket_values[first:last], self.counts[first:last].cumsum()

    def count_above(self, error: float) -> int:
        """How many errors lie in buckets above that of `error`."""
        return int(self.counts[int(bucket_index(error)) + 1 :].sum())

    def rank(self, error: float) -> float:
        """The share of errors in the bucket of `error` or below, in [0, 1]; nan when empty."""
        total = self.total
        return 1 - self.count_above(error) / total if total else math.nan

    def to_json(self) -> dict[str, Any]:
        """Return the occupied buckets as plain values for JSON."""
        occupied = np.flatnonzero(self.counts)
        return {
            "scheme": SCHEME,
            "buckets": occupied.tolist(),
            "counts": self.counts[occupied].tolist(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ErrorDistribution:
        """Return what `to_json` was called on; ValueError for anything else."""
        if document.get("scheme") != SCHEME:
            raise ValueError(f"bucket scheme must be {SCHEME}, got {document.get('scheme')!r}")
        buckets, counts = _whole_numbers(document, "buckets"), _whole_numbers(document, "counts")
        if len(buckets) != len(counts) or len(set(buckets)) != len(buckets):
            raise ValueError("buckets and counts must pair up, each bucket once")
        if any(not 0 <= bucket < bucket_edges.size for bucket in buckets):
            raise ValueError(f"buckets must lie in [0, {bucket_edges.size})")
        if sum(counts) > np.iinfo(np.int64).max:
            raise ValueError("counts are too large")
        distribution = cls()
        distribution.counts[np.array(buckets, dtype=np.int64)] = counts
        return distribution


def _whole_numbers(document: Mapping[str, Any], key: str) -> list[int]:
    values = document.get(key)
    if not isinstance(values, list) or any(type(v) is not int or v < 0 for v in values):
        raise ValueError(f"{key} must be a list of whole numbers, at least 0")
    return values
