"""The bets on repeats, once it is known from the stream how often values repeat themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    row, repeat: their `log_factors`; no capital is left until they are known.
    """

    def __init__(self, at_first: RepeatBets, rows_to_learn: int = ROWS_TO_LEARN) -> None:
        self._bets, self._rows_to_learn = at_first, rows_to_learn
        shape = at_first.played.shape
        self.row, self.repeat = np.full(shape, -np.inf), np.zeros(shape)
        self.known = not at_first.of.size
        self._rows: list[int] = []
        self._sums: list[NDArray[np.uint32]] = []
        self._open_rows, self._open = 0, np.zeros(at_first.of.size, dtype=np.int64)

    def gains(self, rows: Index, repeats: Index) -> Floats:
        """What blocks add to the logarithms of capitals, (T, C, R). rows: (T,). repeats: (T, C)."""
        return np.asarray(rows[:, None, None] * self.row + repeats[:, :, None] * self.repeat)

    def addable(self, sizes: Sequence[int]) -> int:
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
            sums = np.stack(self._sums).astype(np.int64)
            unlike = sums.sum(axis=0) > np.maximum(self._bets.most, SELDOM) * sum(self._rows)
            learned = self._bets.after(np.array(self._rows), sums)
            # More than calibration shows, and nobody knows in how long rests: not bet on.
            least, most = np.where(unlike, 0, learned.least), np.where(unlike, 1, learned.most)
            self._bets, self.known = replace(learned, least=least, most=most), True
            self.row, self.repeat = self._bets.log_factors
            self._rows, self._sums = [], []

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
            "least": self._bets.least,
            "most": self._bets.most,
            "inflation": self._bets.inflation,
            "rows": self._rows,
            "sums": np.stack(self._sums) if self._sums else none,
            "open_rows": self._open_rows,
            "open": self._open,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        least, most, inflation = (np.array(state[n]) for n in ("least", "most", "inflation"))
        self._bets = replace(self._bets, least=least, most=most, inflation=inflation)
        self.known = bool(state["known"])
        if self.known:
            self.row, self.repeat = self._bets.log_factors
        self._rows, self._sums = list(state["rows"]), list(np.array(state["sums"]))
        self._open_rows, self._open = int(state["open_rows"]), np.array(state["open"])
