"""The bets on repeats, once it is known from the stream how often values repeat themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.channels.repeat_bets import RepeatBets
from monitor.drift.channels.tally import Index
from monitor.drift.detectors.dependence import FEWEST_BLOCKS, ROWS_TO_LEARN

SELDOM: Final = 0.001
"""Share of records that may repeat their value where calibration does not tell how many do."""
SUM_ROWS: Final = 1024
"""Rows of one sum that is learned from."""

Floats = NDArray[np.float64]


class Repeats:
    """The bets as they are known, and what is learned from the stream.

    A channel that repeats itself more often than calibration shows is not bet on, and learned again
    from the next ROWS_TO_LEARN rows, until it does not: it may have been stuck.

    row, repeat: their `log_factors`; no capital is left until they are known. learning: bool (N,),
    channels that are learned.
    """

    def __init__(self, at_first: RepeatBets, rows_to_learn: int = ROWS_TO_LEARN) -> None:
        self._at_first, self._rows_at_first = at_first, rows_to_learn
        self._begin()

    def _begin(self) -> None:
        """Nothing was learned yet."""
        self._bets, self._again = self._at_first, False
        shape, each = self._bets.played.shape, self._bets.of.size
        self.row, self.repeat = np.full(shape, -np.inf), np.zeros(shape)
        self.learning = np.ones(each, dtype=np.bool_)
        self._rows: list[int] = []
        self._sums: list[NDArray[np.uint32]] = []
        self._open_rows, self._open = 0, np.zeros(each, dtype=np.int64)

    @property
    def known(self) -> bool:
        """Whether nothing is learned any more."""
        return not self.learning.any()

    def gains(self, rows: Index, repeats: Index) -> Floats:
        """What blocks add to the logarithms of capitals, (T, C, R). rows: (T,). repeats: (T, C)."""
        return np.asarray(rows[:, None, None] * self.row + repeats[:, :, None] * self.repeat)

    def addable(self, sizes: Index) -> int:
        """How many of these blocks can be added before the bets change. sizes: rows of each."""
        if self.known:
            return len(sizes)
        after = sum(self._rows) + self._open_rows + np.cumsum(sizes)
        return int(np.searchsorted(after, self._rows_to_learn))

    def add(self, rows: int, repeats: Index) -> None:
        """Take a block into account. repeats: (C,)."""
        if self.known:
            return
        self._open_rows += rows
        self._open += repeats[self._bets.of]
        enough = sum(self._rows) + self._open_rows >= self._rows_to_learn
        if self._open_rows >= SUM_ROWS or enough:
            self._rows.append(self._open_rows)
            self._sums.append(self._open.astype(np.uint32))
            self._close()
        if enough:
            self._learn(np.array(self._rows), np.stack(self._sums).astype(np.int64))
            self._rows, self._sums = [], []

    @property
    def _rows_to_learn(self) -> int:
        return ROWS_TO_LEARN if self._again else self._rows_at_first

    def _learn(self, rows: Index, sums: Index) -> None:
        """Bet from now on on those that repeat themselves no more often than calibration shows."""
        usual, before = self._at_first, self._bets
        unlike = sums.sum(axis=0) > np.maximum(usual.most, SELDOM) * rows.sum()
        seen = usual.after(rows, sums)
        least, most = np.where(unlike, 0, seen.least), np.where(unlike, 1, seen.most)
        self._bets = replace(
            before,
            least=np.where(self.learning, least, before.least),
            most=np.where(self.learning, most, before.most),
            inflation=np.where(self.learning, seen.inflation, before.inflation),
        )
        self.learning = self.learning & unlike
        self._again = True
        self.row, self.repeat = self._bets.log_factors

    def _close(self) -> None:
        self._open_rows = 0
        self._open[:] = 0

    def forget_recent(self) -> None:
        """Drop what was learned last: it may be of a drift."""
        if not self.known:
            del self._rows[-FEWEST_BLOCKS // 2 :], self._sums[-FEWEST_BLOCKS // 2 :]
            self._close()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        none = np.zeros((0, self._open.size), dtype=np.uint32)
        return {
            "known": self.known,
            "learning": self.learning,
            "again": self._again,
            "least": self._bets.least,
            "most": self._bets.most,
            "inflation": self._bets.inflation,
            "rows": self._rows,
            "sums": np.stack(self._sums) if self._sums else none,
            "open_rows": self._open_rows,
            "open": self._open,
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on where `state` was called; of before there were such bets, begin to learn them."""
        self._begin()
        if state is None:
            return
        least, most, inflation = (np.array(state[n]) for n in ("least", "most", "inflation"))
        self._bets = replace(self._bets, least=least, most=most, inflation=inflation)
        known = bool(state["known"])  # earlier versions learned all of them, once
        self.learning = np.array(state.get("learning", np.full(least.size, not known)))
        self._again = bool(state.get("again", known))
        if self._again:
            self.row, self.repeat = self._bets.log_factors
        self._rows, self._sums = list(state["rows"]), list(np.array(state["sums"]))
        self._open_rows, self._open = int(state["open_rows"]), np.array(state["open"])
