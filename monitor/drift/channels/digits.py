"""Digits: the values of channels as whole numbers, which add up exactly in any order.

A value counts in the bin that it lies in, and with its distance from the channel's mean in 1/256
of its standard deviation. Sums over the rows of a block are all that is kept; those of many blocks
are made at once. What the bins add to the logarithms of capitals are multiples of 2^-20, so that
they are the same to the bit however records came in batches.

Cost: a third of a microsecond a row at 100 channels to compare them with all edges, and about as
much again for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.channels.compared import Compared, Flags
from monitor.drift.channels.last_values import LastValues
from monitor.drift.channels.tally import Tallies, Tally

STEPS: Final = 256
"""Whole numbers to a standard deviation."""
FARTHEST: Final = 1 << 17
"""Of them: 512 standard deviations. The squares of 2^29 such rows fit into an int64."""
AT_ONCE: Final = 1 << 16
"""Digits that are counted at once: what is made of them stays in the cache."""
_TILE: Final = 4
"""Rows that are compared at once, as if they were one of so many times the channels: for each
channel by itself NumPy would take twice as long."""
_SUMMED: Final = 252
"""Rows whose comparisons are summed up in 8 bits: a multiple of _TILE."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Values = NDArray[np.float32]


class Digitiser:
    """Brings values to digits.

    edges: float32 (C, K - 1), of the bins, ascending. mean, spread: (W,), of the calibration values
    of the C channels, and of what else is summed up. log_factors: (C, K, B), of the bets. alike:
    bool (C,), channels whose factors are those of `shared` (K, B), less `bounds` (C, B). compared:
    with the row before.
    """

    def __init__(
        self,
        edges: Values,
        mean: Floats,
        spread: Floats,
        log_factors: Floats,
        shared: Floats,
        bounds: Floats,
        alike: NDArray[np.bool_],
        compared: Compared,
    ) -> None:
        self.channels = edges.shape[0]
        self._edges = np.tile(edges.T, (1, _TILE))  # (K - 1, _TILE * C)
        # Of a piece, (tiles, K - 1, _TILE * C): to ask for memory costs more than to fill it.
        self._compared = np.empty((_SUMMED // _TILE, *self._edges.shape), dtype=np.bool_)
        self._mean = mean.astype(np.float32)
        self._factor = (STEPS / spread).astype(np.float32)
        self._shared, self._bounds = shared, bounds
        self._other = np.flatnonzero(~alike)
        self._others = log_factors[self._other]
        self.compared = compared

    def digits(
        self, values: Values | None, cuts: Sequence[int], partition: Index, last: LastValues
    ) -> Digits | None:
        """Those of values in blocks, as `Digits` takes them; of none to none."""
        return None if values is None else Digits(self, values, cuts, partition, last)

    def tallies(self, values: Values, repeated: Flags, cuts: Sequence[int]) -> Tallies:
        """Of values (R, W), finite. cuts: where the T blocks begin among the rows, and R."""
        counts = self._counts(np.ascontiguousarray(values[:, : self.channels]), cuts)
        gains = self._gains(counts, np.diff(cuts))
        repeats = self.compared.repeats(values, repeated, cuts)
        return Tallies(counts, self._sums(values, cuts), gains, repeats)

    def _counts(self, values: Values, cuts: Sequence[int]) -> Index:
        """Rows of each block in each bin, (T, C, K)."""
        each = [(row, min(row + _SUMMED, end)) for a, end in pairwise(cuts)
                for row in range(a, end, _SUMMED)]  # fmt: skip
        above = self._above(values, each)
        counts = np.empty((len(each), above.shape[1] + 1, self.channels), dtype=np.uint8)
        # A row that is above an edge is above all edges before it.
        counts[:, 0] = np.array([[end - row] for row, end in each], dtype=np.uint8)
        counts[:, 1:] = above
        counts[:, :-1] -= above
        found = counts.transpose(0, 2, 1).astype(np.int64, order="C")
        if len(each) == len(cuts) - 1:
            return found
        firsts = np.searchsorted([row for row, _ in each], cuts[:-1])
        return np.asarray(np.add.reduceat(found, firsts, axis=0))

    def _above(self, values: Values, pieces: Sequence[tuple[int, int]]) -> NDArray[np.uint8]:
        """How many rows of each piece (first, last) are above each edge, (pieces, K - 1, C)."""
        summed = np.empty((len(pieces), *self._edges.shape), dtype=np.uint8)
        for (row, end), found in zip(pieces, summed, strict=True):
            rows = values[row:end]
            if len(rows) % _TILE:
                # Rows that are above no edge fill the last tile.
                missing = np.full((-len(rows) % _TILE, self.channels), -np.inf, dtype=np.float32)
                rows = np.concatenate([rows, missing])
            tiles = rows.reshape(-1, 1, _TILE * self.channels)
            compared = np.greater(tiles, self._edges, out=self._compared[: len(tiles)])
            np.add.reduce(compared.view(np.uint8), axis=0, dtype=np.uint8, out=found)
        shaped = summed.reshape(len(pieces), -1, _TILE, self.channels)
        return np.asarray(np.add.reduce(shaped, axis=2, dtype=np.uint8))

    def _sums(self, values: Values, cuts: Sequence[int]) -> Index:
        """Of the rows' distances and of their squares, (T, W, 2)."""
        distances = values - self._mean
        distances *= self._factor
        np.clip(distances, -FARTHEST, FARTHEST, out=distances)
        exact = np.rint(distances, out=distances).astype(np.float64)
        sums = np.empty((len(cuts) - 1, self._mean.size, 2), dtype=np.int64)
        for power in range(2):
            if power:
                exact *= exact
            sums[:, :, power] = np.add.reduceat(exact, cuts[:-1], axis=0)
        return sums

    def _gains(self, counts: Index, rows: Index) -> Floats:
        """What rows in bins (T, C, K) add to the logarithms of capitals, (T, C, B).

        rows: of each block. Products and sums are exact, in any order.
        """
        exact = counts.astype(np.float64)
        gains = exact @ self._shared  # small products: a large one would be given to threads
        gains -= rows.astype(np.float64)[:, None, None] * self._bounds
        if self._other.size:
            own = exact[:, self._other].transpose(1, 0, 2) @ self._others  # (others, T, B)
            gains[:, self._other] = own.transpose(1, 0, 2)
        return np.asarray(gains)


class Digits:
    """Values (R, W) of the rows of blocks, and their tallies as they are asked for.

    cuts: where the blocks begin among the rows, and R. partition, last: as of `Compared.repeated`.
    """

    def __init__(
        self,
        digitiser: Digitiser,
        values: Values,
        cuts: Sequence[int],
        partition: Index,
        last: LastValues,
    ) -> None:
        self._digitiser, self._values = digitiser, np.ascontiguousarray(values)
        self._repeated = digitiser.compared.repeated(self._values, partition, last)
        self._cuts = list(cuts)
        self._first = 0
        self._made: Tallies | None = None

    def tally(self, block: int) -> Tally:
        """Of one of the blocks."""
        return self.tallies(block, block + 1).of(0)

    def tallies(self, first: int, last: int) -> Tallies:
        """Of the blocks from `first` to before `last`."""
        made = self._made
        if made is None or first < self._first or last > self._first + len(made.counts):
            made = self._made = self._make(first, last)
            self._first = first
        return made.part(first - self._first, last - self._first)

    def _make(self, first: int, last: int) -> Tallies:
        """Of these blocks, and of as many after them as are made at once."""
        parts: list[Tallies] = []
        most = max(1, AT_ONCE // self._digitiser.channels)
        while first < last:
            row = self._cuts[first]
            end = max(first + 1, int(np.searchsorted(self._cuts, row + most, side="right")) - 1)
            cuts = [cut - row for cut in self._cuts[first : end + 1]]
            rows = slice(row, row + cuts[-1])
            parts.append(self._digitiser.tallies(self._values[rows], self._repeated[rows], cuts))
            first = end
        return Tallies.joined(parts)


Digitise = Callable[[Values | None, Sequence[int], Index, LastValues], Digits | None]
"""From the channels' values of rows, the blocks, and the rows' partitions and last values, to
their digits; of none to none."""


def no_digits(
    values: Values | None, cuts: Sequence[int], partition: Index, last: LastValues
) -> None:
    """Where no channels are watched."""
