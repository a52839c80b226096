"""Tallies: what rows say of channels, added up exactly in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add, itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Tally(NamedTuple):
    """Rows of a block, by channel.

    counts: int64 (C, K), in each bin. sums: int64 (W, 2), of the distances and of their squares, of
    the C channels, and of values as they came of those that are judged by the hour.
    gains: (C, B), of the logarithms of the factors of the bets on bins. repeats: int64 (C,), how
    many values are those of the row before in their partition, of channels that are bet on so.
    """

    counts: Index
    sums: Index
    gains: Floats
    repeats: Index

    @property
    def rows(self) -> int:
        """How many there are. Others of the block may have no channels."""
        return int(self.counts[0].sum())

    def plus(self, other: Tally | None) -> Tally:
        """The rows of both."""
        if other is None:
            return self
        return Tally(*map(add, self, other))


class Tallies(NamedTuple):
    """Those of T consecutive blocks: as in `Tally`, each with T blocks first."""

    counts: Index
    sums: Index
    gains: Floats
    repeats: Index

    @property
    def rows(self) -> Index:
        """Of each block, (T,)."""
        return np.asarray(self.counts[:, 0].sum(axis=1))

    def of(self, block: int) -> Tally:
        """That of one block."""
        return Tally(*map(itemgetter(block), self))

    def part(self, first: int, last: int) -> Tallies:
        """Those of the blocks from `first` to before `last`."""
        return Tallies(*map(itemgetter(slice(first, last)), self))

    def after(self, tally: Tally | None) -> Tallies:
        """With these rows, too, in the first block."""
        if tally is None:
            return self
        both = Tallies(self.counts.copy(), self.sums.copy(), self.gains.copy(), self.repeats.copy())
        for each, added in zip(both, tally, strict=True):
            each[0] += added
        return both

    @classmethod
    def single(cls, tally: Tally) -> Tallies:
        """That of one block, as those of several."""
        return cls(*map(itemgetter(np.newaxis), tally))

    @classmethod
    def joined(cls, parts: Sequence[Tallies]) -> Tallies:
        """Those of the blocks of all parts, one part after the other."""
        return parts[0] if len(parts) == 1 else cls(*map(np.concatenate, zip(*parts, strict=True)))


class OpenTally:
    """The tally of the block that is being filled."""

    def __init__(self) -> None:
        self.tally: Tally | None = None

    def add(self, tally: Tally) -> None:
        """Add rows."""
        self.tally = tally.plus(self.tally)

    def take(self) -> Tally | None:
        """The tally of the block, None if its rows have no channels; another block begins."""
        taken, self.tally = self.tally, None
        return taken

    def state(self) -> dict[str, Any] | None:
        """Everything that `restore` needs."""
        if self.tally is None:
            return None
        counts, sums, gains, repeats = self.tally
        return {"counts": counts, "sums": sums, "gains": gains, "repeats": repeats}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on where `state` was called."""
        self.tally = None
        if state is not None:
            counts, sums, gains = (np.array(state[name]) for name in ("counts", "sums", "gains"))
            repeats = state.get("repeats")  # earlier versions had none
            if repeats is None:
                repeats = np.zeros(len(counts), dtype=np.int64)
            self.tally = Tally(counts, sums, gains, np.array(repeats))
