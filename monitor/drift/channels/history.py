"""The blocks since the evidence began, to say where a channel's drift set in, and how large it is.

As `detectors.block_history`, for channels: when it is full, the older half is joined two by two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Position, position_state, restored_position
from monitor.drift.channels.digits import STEPS
from monitor.drift.channels.tally import Index, Tallies, Tally

ENTRIES: Final = 64
MOST: Final = (1 << 32) - 1

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Of some rows: how many, and mean and spread in standard deviations of the calibration."""

    rows: int
    mean: float
    spread: float


class ChannelHistory:
    """Tallies of consecutive blocks: bins (C, K), sums (W, 2) and repeats (C,) of each."""

    def __init__(self, channels: int, bins: int, width: int) -> None:
        self._counts = np.zeros((ENTRIES, channels, bins), dtype=np.uint32)
        self._sums = np.zeros((ENTRIES, width, 2), dtype=np.int64)
        self._repeats = np.zeros((ENTRIES, channels), dtype=np.int64)
        self._starts: list[Position] = []
        self._places = list(range(ENTRIES))
        """Where each block lies, and after those of all blocks the places that are free."""

    def add(self, tally: Tally, start: Position) -> None:
        """Add a block."""
        if len(self._starts) == ENTRIES:
            self._halve()
        place = self._places[len(self._starts)]
        self._counts[place] = tally.counts
        self._sums[place] = tally.sums
        self._repeats[place] = tally.repeats
        self._starts.append(start)

    def add_run(self, tallies: Tallies, starts: Sequence[Position]) -> None:
        """Add consecutive blocks."""
        first = 0
        while first < len(starts):
            if len(self._starts) == ENTRIES:
                self._halve()
            begin = len(self._starts)
            last = min(len(starts), first + ENTRIES - begin)
            places = self._places[begin : begin + last - first]
            self._counts[places] = tallies.counts[first:last]
            self._sums[places] = tallies.sums[first:last]
            self._repeats[places] = tallies.repeats[first:last]
            self._starts.extend(starts[first:last])
            first = last

    def _halve(self) -> None:
        half = ENTRIES // 2
        kept, free = self._places[0:half:2], self._places[1:half:2]
        for each, other in zip(kept, free, strict=True):
            counts, added = self._counts[each], self._counts[other]
            counts += added
            # More rows than that in one bin are long past: they need no exact number.
            counts[counts < added] = MOST
            self._sums[each] += self._sums[other]
            self._repeats[each] += self._repeats[other]
        self._places = [*kept, *self._places[half:], *free]
        self._starts = self._starts[0:half:2] + self._starts[half:]

    @property
    def _used(self) -> list[int]:
        """Where the blocks lie, in their order."""
        return self._places[: len(self._starts)]

    def onset(self, channel: int, gains: Floats) -> Position | None:
        """Where the CUSUM of a bet last was at its lowest; None if there is nothing.

        gains: (K + 1,), of the bet: of a row in each bin, and what one that repeats adds.
        """
        entry = self._onset(channel, gains)
        return None if entry is None else self._starts[entry]

    def counts(self, channel: int, gains: Floats) -> Index:
        """Rows since that place in each bin, (K,)."""
        places = self._used[self._onset(channel, gains) or 0 :]
        return np.asarray(self._counts[places, channel].sum(axis=0, dtype=np.int64))

    def moments(self, channel: int, gains: Floats, summed: int, *, later: bool = False) -> Moments:
        """Of the rows since that place, of one of the W sums. There must be some.

        later: without the block in which it began, some rows of which may be of before, if there
        are others.
        """
        places = self._used[self._onset(channel, gains) or 0 :]
        places = places[1:] if later and len(places) > 1 else places
        rows = int(self._counts[places, channel].sum())
        total, squares = (float(n) for n in self._sums[places, summed].sum(axis=0))
        mean = total / rows
        variance = max(squares / rows - mean * mean, 0.0)
        return Moments(rows, mean / STEPS, float(np.sqrt(variance)) / STEPS)

    def _onset(self, channel: int, gains: Floats) -> int | None:
        if not self._starts:
            return None
        each = self._counts[self._used, channel] @ gains[:-1]
        each += self._repeats[self._used, channel] * gains[-1]
        before = np.concatenate([[0.0], np.cumsum(each)])[:-1]
        return int(before.size - 1 - before[::-1].argmin())

    def forget_before(self, channel: int, gains: Floats) -> None:
        """Forget the blocks before that place: joined with them, later ones would blur it."""
        entry = self._onset(channel, gains) or 0
        self._places = [*self._places[entry:], *self._places[:entry]]
        del self._starts[:entry]

    def clear(self) -> None:
        """Forget all blocks."""
        self._starts.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "counts": self._counts[self._used],
            "sums": self._sums[self._used],
            "repeats": self._repeats[self._used],
            "starts": [position_state(start) for start in self._starts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._starts = [restored_position(start) for start in state["starts"]]
        self._counts[self._used] = state["counts"]
        self._sums[self._used] = state["sums"]
        self._repeats[self._used] = state.get("repeats", 0)  # earlier versions had none
