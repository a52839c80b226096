"""A chunk's records as columns by segment, and the gap before each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.segments.gaps import Gaps

Index = NDArray[np.int64]


class Place(NamedTuple):
    """A segment's last record.

    partition: its number. record: how many of the partition had come with it. timestamp: of it, in
    milliseconds since the epoch. next_offset: after it.
    """

    partition: int
    record: int
    timestamp: int
    next_offset: int


class Sorted(NamedTuple):
    """A chunk's records by partition: how many of it had come before, where it begins, order."""

    order: Index
    starts: Index
    before: Index


class Rows(NamedTuple):
    """A chunk's records by slots. starts: where each slot begins. came: how many of its partition
    had come with it."""

    order: Index
    starts: Index
    slots: Index
    partition: Index
    came: Index
    timestamps: Index
    next_offsets: Index

    def place(self, i: int) -> Place:
        """Of one record."""
        return Place(
            int(self.partition[i]), int(self.came[i]), int(self.timestamps[i]),
            int(self.next_offsets[i]),
        )  # fmt: skip


class GapsOf(NamedTuple):
    """The gap before each record, by slots: its records, -1 if that is not known, and milliseconds.

    marked: it changes what is known; notable: whether one of a slot does. sums: of each slot's
    gaps, as `Gaps.pass_by` wants them.
    """

    lengths: Index
    waits: Index
    marked: NDArray[np.bool_]
    notable: list[bool]
    sums: list[tuple[int, int, int, int]]

    def pass_by(self, gaps: Gaps, start: int, stop: int) -> None:
        """The gaps from `start` to before `stop` are not notable."""
        lengths, waits = self.lengths[start:stop], self.waits[start:stop]
        known = lengths >= 0
        if known.any():
            count = int(np.count_nonzero(known))
            gaps.pass_by(
                count, int(lengths[known].sum()), int(waits[known].sum()), int(waits.max())
            )
