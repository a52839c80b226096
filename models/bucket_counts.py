"""BucketCounts: a few errors in the buckets of `distribution`, only those that are occupied.

A block of 64 errors occupies at most 64 of the 5,529 buckets: this form costs a few hundred
bytes where an ErrorDistribution costs 44 KB, and loses nothing. Merging is addition of counts:
exact, associative and commutative, so it does not matter who counted what, or in which order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.distribution import ErrorDistribution, bucket_edges, bucket_index

Index = NDArray[np.int64]

_FEW: Final = 1024
"""Up to so many errors, their buckets one by one are kept: more cost more memory than counts."""


class BucketCounts:
    """Occupied buckets, ascending, and how many errors each holds. Never changes.

    buckets, counts: int64 (k,), counts at least 1. total: how many errors were counted.
    """

    __slots__ = ("_counted", "_each", "total")
    __hash__ = None  # type: ignore[assignment]  # arrays are not hashable

    def __init__(self, buckets: Index, counts: Index) -> None:
        self._each: Index | None = None
        self._counted: tuple[Index, Index] | None = (buckets, counts)
        self.total = int(counts.sum())

    @classmethod
    def from_errors(cls, errors: ArrayLike) -> BucketCounts:
        """Count the errors; ValueError unless all are finite and >= 0."""
        return cls.from_buckets(bucket_index(errors).ravel())

    @classmethod
    def from_buckets(cls, each: Index) -> BucketCounts:
        """Count errors whose buckets are known, in any order; nobody may write to `each`.

        A few are only counted when somebody asks for buckets or counts.
        """
        if each.size > _FEW:
            return cls(*_occupied(np.bincount(each, minlength=bucket_edges.size)))
        new = cls.__new__(cls)
        new._each, new._counted, new.total = each, None, each.size
        return new

    @classmethod
    def merged(cls, parts: Iterable[BucketCounts]) -> BucketCounts:
        """The counts of all parts together, the same in any order and grouping."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        return cls(*_occupied(cls.summed(parts).counts))

    @staticmethod
    def summed(parts: Iterable[BucketCounts]) -> ErrorDistribution:
        """All parts together as an ErrorDistribution of its own."""
        dense = ErrorDistribution()
        add_to(dense.counts, parts)
        return dense

    @property
    def buckets(self) -> Index:
        """The occupied buckets, ascending, (k,)."""
        return self._both()[0]

    @property
    def counts(self) -> Index:
        """How many errors each of them holds, (k,)."""
        return self._both()[1]

    def _both(self) -> tuple[Index, Index]:
        if self._counted is None:
            self._counted = _counted(np.sort(self.each()))
        return self._counted

    def each(self) -> Index:
        """The bucket of each error, in any order, (total,). Nobody may write to it."""
        if self._each is None:
            return np.repeat(*self._both())
        return self._each

    def distribution(self) -> ErrorDistribution:
        """The same counts as an ErrorDistribution of its own."""
        return self.summed([self])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BucketCounts)
            and np.array_equal(self.buckets, other.buckets)
            and np.array_equal(self.counts, other.counts)
        )

    def __repr__(self) -> str:
        return f"BucketCounts(total={self.total}, buckets={self.buckets.size})"


def add_to(dense: Index, parts: Iterable[BucketCounts], times: int = 1) -> None:
    """Add the counts of all parts, so many times, to those of all buckets, in place.

    dense: int64, one for each bucket, as in an ErrorDistribution. times: -1 takes them out.
    """
    each = []
    for part in parts:
        if part._each is None:
            dense[part.buckets] += times * part.counts
        else:
            each.append(part._each)
    if each:
        np.add.at(dense, np.concatenate(each), times)


def _occupied(dense: Index) -> tuple[Index, Index]:
    buckets = dense.nonzero()[0]
    return buckets, dense[buckets]


def _counted(ascending: Index) -> tuple[Index, Index]:
    """The different ones of ascending buckets, and how often each comes."""
    if not ascending.size:
        return ascending, ascending
    # By hand, as np.unique and np.diff take ten times as long for so few.
    first = np.empty(ascending.size, dtype=np.bool_)
    first[0] = True
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    starts = first.nonzero()[0]
    counts = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=counts[:-1])
    counts[-1] = ascending.size - starts[-1]
    return ascending[starts], counts
