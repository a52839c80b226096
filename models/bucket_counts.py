"""BucketCounts: a few errors in the buckets of `distribution`, only those that are occupied.

A block of 64 errors occupies at most 64 of the 5,529 buckets: this form costs a few hundred
bytes where an ErrorDistribution costs 44 KB, and loses nothing. Merging is addition of counts:
exact, associative and commutative, so it does not matter who counted what, or in which order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.distribution import ErrorDistribution, bucket_index


class BucketCounts:
    """Occupied buckets, ascending, and how many errors each holds. Never changes.

    buckets, counts: int64 (k,), counts at least 1. total: how many errors were counted.
    """

    __slots__ = ("buckets", "counts", "total")
    __hash__ = None  # type: ignore[assignment]  # arrays are not hashable

    def __init__(self, buckets: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self.buckets = buckets
        self.counts = counts
        self.total = int(counts.sum())

    @classmethod
    def from_errors(cls, errors: ArrayLike) -> BucketCounts:
        """Count the errors; ValueError unless all are finite and >= 0."""
        return cls.from_buckets(bucket_index(errors).ravel())

    @classmethod
    def from_buckets(cls, buckets: NDArray[np.int64]) -> BucketCounts:
        """Count errors whose buckets are known, in any order."""
        ascending = np.sort(buckets)
        if not ascending.size:
            return cls(ascending, ascending)
        # By hand, as np.unique and np.diff take ten times as long for so few.
        first = np.empty(ascending.size, dtype=np.bool_)
        first[0] = True
        np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
        starts = first.nonzero()[0]
        counts = np.empty_like(starts)
        np.subtract(starts[1:], starts[:-1], out=counts[:-1])
        counts[-1] = ascending.size - starts[-1]
        return cls(ascending[starts], counts)

    @classmethod
    def merged(cls, parts: Iterable[BucketCounts]) -> BucketCounts:
        """The counts of all parts together, the same in any order and grouping."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        together = np.concatenate([part.buckets for part in parts])
        buckets, inverse = np.unique(together, return_inverse=True)
        counts = np.zeros(buckets.size, dtype=np.int64)
        np.add.at(counts, inverse, np.concatenate([part.counts for part in parts]))
        return cls(buckets, counts)

    def distribution(self) -> ErrorDistribution:
        """The same counts as an ErrorDistribution of its own."""
        dense = ErrorDistribution()
        dense.counts[self.buckets] = self.counts
        return dense

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BucketCounts)
            and np.array_equal(self.buckets, other.buckets)
            and np.array_equal(self.counts, other.counts)
        )

    def __repr__(self) -> str:
        return f"BucketCounts(total={self.total}, buckets={self.buckets.size})"
