"""The blocks since the evidence began, to say where a channel's drift set in, and how large it is.

As `detectors.block_history`, for channels: when it is full, the older half is joined two by two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Position, position_state, restored_position
from monitor.drift.channels.digits import STEPS, Tally

ENTRIES: Final = 64
MOST: Final = (1 << 32) - 1

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Of some rows: how many, and mean and spread in standard deviations of the calibration."""

    rows: int
    mean: float
    spread: float


class ChannelHistory:
    """Tallies of consecutive blocks: bins (C, K) and sums (C, 2) of each."""

    def __init__(self, channels: int, bins: int) -> None:
        self._counts = np.zeros((ENTRIES, channels, bins), dtype=np.uint32)
        self._sums = np.zeros((ENTRIES, channels, 2), dtype=np.int64)
        self._starts: list[Position] = []

    def add(self, tally: Tally, start: Position) -> None:
        """Add a block."""
        if len(self._starts) == ENTRIES:
            self._halve()
        self._counts[len(self._starts)] = tally.counts
        self._sums[len(self._starts)] = tally.sums
        self._starts.append(start)

    def _halve(self) -> None:
        half, quarter = ENTRIES // 2, ENTRIES // 4
        counts = self._counts[0:half:2].astype(np.int64) + self._counts[1:half:2]
        sums = self._sums[0:half:2] + self._sums[1:half:2]
        # More rows than that in one bin are long past: they need no exact number.
        for each in (self._counts, self._sums):
            each[quarter : quarter + half] = each[half:].copy()
        self._counts[:quarter] = np.minimum(counts, MOST)
        self._sums[:quarter] = sums
        self._starts = self._starts[0:half:2] + self._starts[half:]

    def onset(self, channel: int, gains: Floats) -> Position | None:
        """Where the CUSUM of a bet last was at its lowest; None if there is nothing.

        gains: (K,), of the bet.
        """
        entry = self._onset(channel, gains)
        return None if entry is None else self._starts[entry]

    def moments(self, channel: int, gains: Floats) -> Moments:
        """Of the rows since that place. There must be some."""
        first, last = self._onset(channel, gains) or 0, len(self._starts)
        rows = int(self._counts[first:last, channel].sum())
        total, squares = (float(n) for n in self._sums[first:last, channel].sum(axis=0))
        mean = total / rows
        variance = max(squares / rows - mean * mean, 0.0)
        return Moments(rows, mean / STEPS, float(np.sqrt(variance)) / STEPS)

    def _onset(self, channel: int, gains: Floats) -> int | None:
        blocks = len(self._starts)
        if not blocks:
            return None
        each = self._counts[:blocks, channel] @ gains
        before = np.concatenate([[0.0], np.cumsum(each)])[:-1]
        return int(before.size - 1 - before[::-1].argmin())

    def clear(self) -> None:
        """Forget all blocks."""
        self._starts.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        blocks = len(self._starts)
        return {
            "counts": self._counts[:blocks],
            "sums": self._sums[:blocks],
            "starts": [position_state(start) for start in self._starts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._starts = [restored_position(start) for start in state["starts"]]
        self._counts[: len(self._starts)] = state["counts"]
        self._sums[: len(self._starts)] = state["sums"]
