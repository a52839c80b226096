"""How far neighbouring records depend on each other, in each channel.

Where calibration values are ordered that is known from the start. Else it is learned from the
stream, once, with the estimates of `detectors.dependence`: nothing of it is kept after that. Until
100,000 rows were seen, what is not known is assumed to be bad.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.channels.rank_bets import RankBets
from monitor.drift.detectors.dependence import (
    BLOCK_ROWS,
    FEWEST_BLOCKS,
    ROWS_TO_LEARN,
    UNKNOWN,
    estimate,
    upper_bound,
)

FIRST_LOOKS: Final = (FEWEST_BLOCKS, 64, 128, 256)
"""Sums after which a careful estimate is made: each takes about a millisecond a channel."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class ChannelDependence:
    """Learns the inflation (C, B) of the bets of channels, until it is `known`."""

    def __init__(self, bets: RankBets) -> None:
        self._bets = bets
        self.known = bets.inflation is not None
        channels, bins, each = bets.log_factors.shape
        unknown = np.full((channels, each), UNKNOWN)
        self.inflation: Floats = unknown if bets.inflation is None else bets.inflation
        self._sums: list[NDArray[np.uint32]] = []
        self._open = np.zeros((channels, bins), dtype=np.int64)
        self._rows = 0

    @property
    def progress(self) -> float:
        """Share of the rows needed to know, in [0, 1]."""
        return 1.0 if self.known else min(1.0, self._rows / ROWS_TO_LEARN)

    def add(self, counts: Index, rows: int, ended_by_time: bool) -> bool:
        """Take a block's bins (C, K) into account; true if the inflation changed."""
        if self.known:
            return False
        self._open += counts
        self._rows += rows
        if self._open[0].sum() < BLOCK_ROWS and not ended_by_time:
            return False
        self._sums.append(self._open.astype(np.uint32))
        self._open[:] = 0
        self.known = self._rows >= ROWS_TO_LEARN and len(self._sums) >= FEWEST_BLOCKS
        if self.known or len(self._sums) in FIRST_LOOKS:
            self._look()
            return True
        return False

    def addable(self, counts: Index, by_time: Sequence[bool]) -> int:
        """How many of these blocks can be added before the inflation changes.

        counts: (T, C, K), of each block. by_time: which of them ended by time.
        """
        if self.known:
            return len(by_time)
        looks = (n for n in FIRST_LOOKS if n > len(self._sums))
        look = next(looks, len(self._sums) + len(by_time) + 1)
        sums, rows, summed = len(self._sums), self._rows, int(self._open[0].sum())
        for number, timed in enumerate(by_time):
            here = int(counts[number, 0].sum())
            rows, summed = rows + here, summed + here
            if summed >= BLOCK_ROWS or timed:
                sums, summed = sums + 1, 0
                if sums == look or (rows >= ROWS_TO_LEARN and sums >= FEWEST_BLOCKS):
                    return number
        return len(by_time)

    def add_run(self, counts: Index, sizes: Sequence[int], by_time: Sequence[bool]) -> None:
        """Take consecutive blocks into account: as many as are `addable`."""
        if not self.known:
            for each, size, timed in zip(counts, sizes, by_time, strict=True):
                self.add(each, size, timed)

    def forget_recent(self) -> None:
        """Drop the sum that is being filled, and the last ones: they may be of a drift."""
        if not self.known:
            del self._sums[-FEWEST_BLOCKS // 2 :]
            self._open[:] = 0
            self._rows = sum(int(each[0].sum()) for each in self._sums)

    def _look(self) -> None:
        seen = np.stack(self._sums).astype(np.float64)  # (T, C, K)
        for c in range(len(self.inflation)):
            bets = self._bets.bets(c)
            if self.known:
                self.inflation[c] = estimate(bets, seen[:, c], caution=1.0)
            else:
                self.inflation[c] = upper_bound(bets, seen[:, c])
        if self.known:
            self._sums.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        shape = (0, *self._open.shape)
        sums = np.stack(self._sums) if self._sums else np.zeros(shape, dtype=np.uint32)
        return {
            "inflation": self.inflation,
            "known": self.known,
            "sums": sums,
            "open": self._open,
            "rows": self._rows,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.inflation = np.array(state["inflation"])
        self.known = bool(state["known"])
        self._sums = list(np.array(state["sums"]))
        self._open = np.array(state["open"])
        self._rows = int(state["rows"])
