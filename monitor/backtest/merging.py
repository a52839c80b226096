"""All partitions of a topic as one stream, in an order that depends on the records alone.

Each partition keeps its own order. Of those that come next in their partitions, the one comes
first whose partition's clock, the newest timestamp there so far, is the earliest; of equal ones,
that of the lower partition. So a record whose timestamp goes back waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from monitor.stream.columns import Columns, Index
from monitor.stream.records import Partition

_EARLIEST: Final = np.iinfo(np.int64).min


class _Waiting:
    """Records of one partition that wait for others. clocks: of each that is held, ascending."""

    def __init__(self, parts: Iterator[Columns]) -> None:
        self._parts = parts
        self._newest = _EARLIEST
        self.held = Columns.none()
        self.clocks: Index = np.empty(0, dtype=np.int64)
        self.ended = False

    def fill(self) -> None:
        """Hold the next part, unless some is held; `ended` once there is none."""
        while not len(self.held) and not self.ended:
            found = next(self._parts, None)
            if found is None:
                self.ended = True
            else:
                clocks = np.maximum.accumulate(found.timestamps)
                self.held, self.clocks = found, np.maximum(clocks, self._newest)
                self._newest = int(self.clocks[-1]) if len(found) else self._newest

    def take(self, until: int, side: str) -> tuple[Columns, Index]:
        """Those before a clock, and with side right those at it; and their clocks."""
        count = int(np.searchsorted(self.clocks, until, side=side))  # type: ignore[call-overload]
        taken, clocks = self.held.part(0, count), self.clocks[:count]
        self.held, self.clocks = self.held.part(count, len(self.held)), self.clocks[count:]
        return (taken, clocks) if count else (Columns.none(), clocks)


def merged(partitions: Mapping[Partition, Iterator[Columns]]) -> Iterator[Columns]:
    """All records; each counts as having come at its partition's clock.

    partitions: what comes of each, in offset order and in parts of any size, of which one of each
    is held.
    """
    waiting = [_Waiting(partitions[each]) for each in sorted(partitions)]
    while True:
        for each in waiting:
            each.fill()
        waiting = [each for each in waiting if not each.ended]
        if not waiting:
            return
        # Nothing can come before the last that is held of a partition, where no other ends sooner.
        until, last = min((int(each.clocks[-1]), i) for i, each in enumerate(waiting))
        taken = [
            each.take(until, "right" if i <= last else "left") for i, each in enumerate(waiting)
        ]
        yield _in_order(taken)


def _in_order(parts: list[tuple[Columns, Index]]) -> Columns:
    """parts: of each partition, in order, records and clocks."""
    clocks = np.concatenate([clocks for _, clocks in parts])
    joined = Columns.joined([records for records, _ in parts])
    order = np.argsort(clocks, kind="stable")  # equal ones stay as their partitions are
    found = joined if len(parts) == 1 else joined.at(order)
    return replace(found, arrivals=clocks[order])
