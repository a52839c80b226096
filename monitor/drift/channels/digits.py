"""Digits: the values of channels as whole numbers, which add up exactly in any order.

A value becomes the number of its bin, and its distance from the channel's mean in 1/256 of its
standard deviation. Sums over the rows of a block are all that is kept; those of many blocks are
made at once. What the bins add to the logarithms of capitals are multiples of 2^-20, so that they
are the same to the bit however records came in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 256
"""Whole numbers to a standard deviation."""
FARTHEST: Final = 1 << 17
"""Of them: 512 standard deviations. The squares of 2^29 such rows fit into an int64."""
AT_ONCE: Final = 1 << 20
"""Digits that are counted at once: memory for some 10 MB."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Tally(NamedTuple):
    """Rows of a block, by channel.

    counts: int64 (C, K), in each bin. sums: int64 (C, 2), of the distances and of their squares.
    gains: (C, B), of the logarithms of the bets' factors.
    """

    counts: Index
    sums: Index
    gains: Floats

    def plus(self, other: Tally | None) -> Tally:
        """The rows of both."""
        if other is None:
            return self
        return Tally(self.counts + other.counts, self.sums + other.sums, self.gains + other.gains)


class Digitiser:
    """Brings values to digits.

    edges: float32 (C, K - 1), of the bins. mean, spread: (C,), of the calibration values.
    log_factors: (C, K, B), of the bets. alike: bool (C,), channels whose factors are those of
    `shared` (K, B), less `bounds` (C, B).
    """

    def __init__(
        self,
        edges: NDArray[np.float32],
        mean: Floats,
        spread: Floats,
        log_factors: Floats,
        shared: Floats,
        bounds: Floats,
        alike: NDArray[np.bool_],
    ) -> None:
        self._edges = edges
        self._mean = mean.astype(np.float32)[:, None]
        self._factor = (STEPS / spread).astype(np.float32)[:, None]
        self.width = edges.shape[1] + 1
        self._shared, self._bounds = shared, bounds
        self._other = np.flatnonzero(~alike)
        self._others = log_factors[self._other]

    def digits(self, values: NDArray[np.float32], cuts: Sequence[int]) -> Digits:
        """Of values (R, C), finite. cuts: where the blocks begin among the rows, and R."""
        turned = np.ascontiguousarray(values.T)  # (C, R): one edge for a whole line
        bins = np.zeros(turned.shape, dtype=np.uint8)
        above = np.empty(turned.shape, dtype=np.bool_)
        for edge in self._edges.T:
            np.greater(turned, edge[:, None], out=above)
            bins += above.view(np.uint8)
        distances = (turned - self._mean) * self._factor
        np.clip(distances, -FARTHEST, FARTHEST, out=distances)
        np.rint(distances, out=distances)
        return Digits(self, bins, distances, cuts)

    def gains(self, counts: Index) -> Floats:
        """What rows in bins (T, C, K) add to the logarithms of capitals, (T, C, B)."""
        exact = counts.astype(np.float64)
        gains = exact @ self._shared
        gains -= exact.sum(axis=2, keepdims=True) * self._bounds
        if self._other.size:
            own = exact[:, self._other].transpose(1, 0, 2) @ self._others  # (others, T, B)
            gains[:, self._other] = own.transpose(1, 0, 2)
        return np.asarray(gains)


class Digits:
    """R rows of C channels, in blocks.

    bins: uint8 (C, R), the number of each value's bin. distances: float32 (C, R), whole. cuts: see
    `Digitiser.digits`.
    """

    def __init__(
        self,
        digitiser: Digitiser,
        bins: NDArray[np.uint8],
        distances: NDArray[np.float32],
        cuts: Sequence[int],
    ) -> None:
        self._digitiser, self._bins, self._distances = digitiser, bins, distances
        self._cuts = np.asarray(cuts, dtype=np.int64)
        self._first = 0
        self._made: tuple[Index, Index, Floats] | None = None

    def tally(self, block: int) -> Tally:
        """Of one of the blocks."""
        made = self._made
        if made is None or not self._first <= block < self._first + len(made[0]):
            self._first, made = block, self._make(block)
            self._made = made
        counts, sums, gains = (each[block - self._first] for each in made)
        return Tally(counts, sums, gains)

    def _make(self, first: int) -> tuple[Index, Index, Floats]:
        """The tallies of the block, and of as many after it as are made at once."""
        channels, width = len(self._bins), self._digitiser.width
        most = self._cuts[first] + max(1, AT_ONCE // channels)
        last = max(first + 1, int(np.searchsorted(self._cuts, most, side="right")) - 1)
        cuts = self._cuts[first : last + 1] - self._cuts[first]
        rows = slice(int(self._cuts[first]), int(self._cuts[last]))
        place = np.repeat(np.arange(len(cuts) - 1) * (channels * width), np.diff(cuts))
        cells = self._bins[:, rows] + place + np.arange(channels)[:, None] * width
        counts = np.bincount(cells.ravel(), minlength=(len(cuts) - 1) * channels * width)
        shaped = counts.reshape(-1, channels, width)
        distances = self._distances[:, rows].astype(np.float64)
        sums = [np.add.reduceat(each, cuts[:-1], axis=1) for each in (distances, distances**2)]
        both = np.stack(sums, axis=2).transpose(1, 0, 2).astype(np.int64)  # (T, C, 2)
        return shaped.astype(np.int64), both, self._digitiser.gains(shaped)


class OpenTally:
    """The tally of the block that is being filled."""

    def __init__(self) -> None:
        self._tally: Tally | None = None

    def add(self, tally: Tally) -> None:
        """Add rows."""
        self._tally = tally.plus(self._tally)

    def take(self) -> Tally | None:
        """The tally of the block, None if its rows have no channels; another block begins."""
        taken, self._tally = self._tally, None
        return taken

    def state(self) -> dict[str, Any] | None:
        """Everything that `restore` needs."""
        if self._tally is None:
            return None
        counts, sums, gains = self._tally
        return {"counts": counts, "sums": sums, "gains": gains}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on where `state` was called."""
        self._tally = None
        if state is not None:
            arrays = (np.array(state[name]) for name in ("counts", "sums", "gains"))
            self._tally = Tally(*arrays)


Digitise = Callable[[NDArray[np.float32] | None, Sequence[int]], Digits | None]
"""From the channels' values of rows (R, C), and the blocks, to their digits; of none to none."""


def no_digits(values: NDArray[np.float32] | None, cuts: Sequence[int]) -> None:
    """Where no channels are watched."""
