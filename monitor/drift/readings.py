"""Readings: what the records of some blocks say of the time, partition by partition."""

from __future__ import annotations

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
        self, partition: Index, timestamps: Index, arrivals: Index | None, cuts: list[int]
    ) -> None:
        """All of records (n,) in the order in which they came. cuts: where blocks begin, and n."""
        where = np.array(cuts)
        begins = np.empty(partition.size, dtype=np.bool_)
        np.not_equal(partition[1:], partition[:-1], out=begins[1:])
        begins[where[:-1]] = True
        starts = begins.nonzero()[0]
        self._newest = np.maximum.reduceat(timestamps, starts)
        self._partition = partition[starts]
        self._cuts = starts.searchsorted(where)
        ends = where[1:] - 1
        self._arrivals = [UNKNOWN] * ends.size if arrivals is None else arrivals[ends].tolist()

    def of(self, first: int, last: int) -> Readings:
        """The readings of the blocks from `first` to before `last`."""
        cuts = self._cuts[first : last + 1]
        start, end = cuts[0], cuts[-1]
        return Readings(
            np.arange(last - first).repeat(np.diff(cuts)),
            self._partition[start:end],
            self._newest[start:end],
            self._arrivals[first:last],
        )
