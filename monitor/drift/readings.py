"""Readings: what the records of some blocks say of the time, partition by partition."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]

UNKNOWN = -1
"""A time that nobody told, in milliseconds."""


class Readings(NamedTuple):
    """The newest times in consecutive blocks, in milliseconds since the epoch.

    block (k,): ascending, from 0. partition (k,): its number. newest (k,): timestamp of its
    newest record among some of the block's; a pair of block and partition may come several
    times. arrivals: when the newest record of each block came, UNKNOWN if nobody told.
    """

    block: Index
    partition: Index
    newest: Index
    arrivals: list[int]

    def first(self, blocks: int) -> Readings:
        """Those of so many blocks, the first ones."""
        end = int(np.searchsorted(self.block, blocks))
        return Readings(
            self.block[:end], self.partition[:end], self.newest[:end], self.arrivals[:blocks]
        )

    def after(self, others: list[Readings]) -> Readings:
        """With these, each of a part of the first block, before them."""
        parts = [*others, self]
        arrival = max(other.arrivals[0] for other in parts)
        return Readings(
            np.concatenate([part.block for part in parts]),
            np.concatenate([part.partition for part in parts]),
            np.concatenate([part.newest for part in parts]),
            [arrival, *self.arrivals[1:]],
        )


def of_block(partition: Index, newest: Index, arrival: int = UNKNOWN) -> Readings:
    """Those of one block, or of a part of it. Both: (k,)."""
    return Readings(np.zeros_like(partition), partition, newest, [arrival])


def joined(parts: list[Readings]) -> Readings:
    """Those of a block from those of its parts."""
    return parts[0] if len(parts) == 1 else parts[-1].after(parts[:-1])


class Stretches:
    """Stretches of records of one partition each, none longer than its block."""

    def __init__(
        self,
        partition: Index,
        timestamps: Index,
        arrivals: Index | None,
        cuts: list[int],
        newest: Index | None = None,
    ) -> None:
        """All of records (n,) in the order in which they came.

        cuts: where blocks begin, and n. newest: timestamps of the newest of each block, if all
        records are of one partition.
        """
        where = np.array(cuts)
        self._arrivals = _arrivals(arrivals, where)
        self._cuts: Index | None = None
        if newest is not None:
            self._newest, self._partition = newest, partition[: newest.size]
            return
        begins = np.empty(partition.size, dtype=np.bool_)
        np.not_equal(partition[1:], partition[:-1], out=begins[1:])
        begins[where[:-1]] = True
        starts = begins.nonzero()[0]
        self._newest = np.maximum.reduceat(timestamps, starts)
        self._partition = partition[starts]
        self._cuts = starts.searchsorted(where)

    def of(self, first: int, last: int) -> Readings:
        """The readings of the blocks from `first` to before `last`."""
        arrivals = self._arrivals[first:last]
        if self._cuts is None:
            partition, newest = self._partition[first:last], self._newest[first:last]
            return Readings(_count(last - first), partition, newest, arrivals)
        cuts = self._cuts[first : last + 1]
        start, end = cuts[0], cuts[-1]
        block = _count(last - first).repeat(cuts[1:] - cuts[:-1])
        return Readings(block, self._partition[start:end], self._newest[start:end], arrivals)


def _arrivals(arrivals: Index | None, cuts: Index) -> list[int]:
    """When the newest record of each block came."""
    if arrivals is None:
        return [UNKNOWN] * (cuts.size - 1)
    if arrivals[0] == arrivals[-1]:
        return [int(arrivals[0])] * (cuts.size - 1)
    found: list[int] = arrivals[cuts[1:] - 1].tolist()
    return found


@lru_cache(maxsize=128)
def _count(blocks: int) -> Index:
    return np.arange(blocks)
