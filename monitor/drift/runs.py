"""Runs: consecutive blocks, to be taken into account at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import OpenBlock, Position
from monitor.drift.channels.tally import Tallies, Tally
from monitor.drift.readings import Readings
from monitor.stream.records import Partition

Index = NDArray[np.int64]


class Run(NamedTuple):
    """Consecutive blocks, one or more, whose rows lie one block after the other.

    partitions, partition, buckets: of all rows, as in `Block`. cuts: where the blocks begin among
    the rows, and the number of the rows. sizes (rows), starts, last_timestamps, by_time (whether
    it ended by time): of each block. readings: what their records say of the time. channels: of
    each block; None if they have none.
    """

    partitions: Sequence[Partition]
    partition: Index
    buckets: Index
    cuts: list[int]
    sizes: list[int]
    starts: list[Position]
    last_timestamps: list[int]
    by_time: list[bool]
    readings: Readings
    channels: Tallies | None = None

    @property
    def blocks(self) -> int:
        """How many there are."""
        return len(self.sizes)

    def first(self, blocks: int) -> Run:
        """So many of them, the first ones."""
        if blocks == len(self.sizes):
            return self
        end = self.cuts[blocks]
        return Run(
            self.partitions,
            self.partition[:end],
            self.buckets[:end],
            self.cuts[: blocks + 1],
            self.sizes[:blocks],
            self.starts[:blocks],
            self.last_timestamps[:blocks],
            self.by_time[:blocks],
            self.readings.first(blocks),
            None if self.channels is None else self.channels.part(0, blocks),
        )

    def cells(self, values: Index, width: int) -> Index:
        """Block x width + value of each row, (rows,). values: of each, less than `width`."""
        blocks, size = len(self.sizes), self.sizes[0]
        if blocks * size == self.cuts[-1] and self.sizes.count(size) == blocks:
            return values + _begins(blocks, size, width)
        return values + np.arange(0, blocks * width, width).repeat(self.sizes)


@lru_cache(maxsize=64)
def _begins(blocks: int, size: int, width: int) -> Index:
    """Block x width of each row, of blocks that have `size` rows each."""
    return np.arange(0, blocks * width, width).repeat(size)


def after(open_block: OpenBlock, tally: Tally | None, run: Run, limit: int) -> Run:
    """A run whose first block has the rows of the open block, too. tally: of its channels."""
    partition, buckets, start, last_timestamp = open_block.parts
    rows = open_block.rows
    size = run.sizes[0] + rows
    return Run(
        run.partitions,
        np.concatenate([*partition, run.partition]),
        np.concatenate([*buckets, run.buckets]),
        [0, *(cut + rows for cut in run.cuts[1:])],
        [size, *run.sizes[1:]],
        [start, *run.starts[1:]],
        [max(last_timestamp, run.last_timestamps[0]), *run.last_timestamps[1:]],
        [size < limit, *run.by_time[1:]],
        run.readings.after(open_block.readings),
        None if run.channels is None else run.channels.after(tally),
    )
