"""How far neighbouring records depend on each other, as seen by each bet.

Neighbouring video frames tell almost the same thing, and evidence that counts them as if they
did not is too strong. The inflation V of a bet is the variance of its sum over a stretch of the
stream, divided by what it would be for independent records; dividing the logarithm of the bet by
V makes it honest again (f^(1/V) still has a mean of at most 1).

It is measured from the differences of successive sums, over stretches of 1, 2, 4, 8 and 16
blocks: a level that is not quite the reference's leaves no trace in them. Squares are clipped,
so that a jump in the middle hardly shows. A longer stretch counts only if it shows significantly
more than the shorter ones did: its estimate is of few differences, and the largest of five noisy
numbers would make every stream look dependent.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.distribution import bucket_index
from monitor.drift.detectors.bets import Bets

BLOCK_ROWS: Final = 256
"""Rows of one sum, unless fewer come in time."""
FIRST_BLOCK_ROWS: Final = 64
"""Rows of one sum at the beginning, when a first estimate is needed soon."""
STRETCHES: Final = (1, 2, 4, 8, 16)
ROWS_TO_LEARN: Final = 100_000
FEWEST_BLOCKS: Final = 32
UNKNOWN: Final = 100.0
"""Inflation assumed before anything was measured: AR(1) errors with a coefficient of 0.98."""
DOUBT: Final = 0.001
"""Chance at which an estimate exceeds, by noise alone, what must be exceeded to be believed."""
STRONG: Final = 3.0
"""Inflation above which a first estimate is not trusted to have seen all of it."""
_HISTORY: Final = 2048
_LAG: Final = 64
"""Blocks that wait before they are learned from: a drift may have begun and not yet be seen."""
_CLIP: Final = 9.0
_MEDIAN_OF_SQUARE: Final = 0.4549
"""Median of the square of a standard normal variable."""

Floats = NDArray[np.float64]


def estimate(bets: Bets, counts: Floats, caution: float) -> Floats:
    """Inflation of each bet, (C,), at least 1, from the bins of consecutive blocks.

    counts: (T, K), rows of each block in each bin, oldest first; T >= FEWEST_BLOCKS. caution:
    standard errors added to an estimate that is significantly above 1.
    """
    rows = counts.sum(axis=1)
    sums = (counts @ bets.log_factors - rows[:, None] * bets.means).T.copy()  # (C, T)
    kurtosis = _kurtosis(bets, counts)
    inflation = np.ones(bets.means.size)
    for stretch in STRETCHES:
        if counts.shape[0] < max(FEWEST_BLOCKS, 8 * stretch):
            break
        measured = _variance_ratio(sums, rows, stretch, bets.variances)
        per_sum = stretch * rows.mean()
        error = np.sqrt((2 + kurtosis / per_sum) * 1.5 * stretch / counts.shape[0])
        freedom = 2 / error**2  # of the chi-square variable with this relative error
        believed = measured > inflation * special.chdtri(freedom, DOUBT) / freedom
        inflation = np.where(believed, measured * (1 + caution * error), inflation)
    return inflation


def upper_bound(bets: Bets, counts: Floats) -> Floats:
    """What the inflation may be while there are few blocks: the estimate and three errors more.

    Strong dependence may reach farther than so few blocks can show: then at least UNKNOWN.
    """
    measured = estimate(bets, counts, caution=1.0)
    careful = measured * (1 + 3 * np.sqrt(3 / counts.shape[0]))
    return np.asarray(np.where(measured > STRONG, np.maximum(UNKNOWN, 2 * careful), careful))


def _kurtosis(bets: Bets, counts: Floats) -> Floats:
    """Excess kurtosis of one record's log factor."""
    shares = counts.sum(axis=0) / counts.sum()
    fourth = shares @ (bets.log_factors - shares @ bets.log_factors) ** 4
    return np.asarray(np.maximum(fourth / np.maximum(bets.variances, 1e-12) ** 2 - 3, 0.0))


def _variance_ratio(sums: Floats, rows: Floats, stretch: int, variances: Floats) -> Floats:
    """Clipped mean square of the differences of successive sums, over its expectation if
    records were independent, (C,). sums: (C, T).
    """
    total = np.concatenate([np.zeros((len(sums), 1)), np.cumsum(sums, axis=1)], axis=1)
    length = np.concatenate([[0], np.cumsum(rows)])
    start = np.arange(0, len(rows) - 2 * stretch + 1, max(1, stretch // 4))
    middle, end = start + stretch, start + 2 * stretch
    first, second = length[middle] - length[start], length[end] - length[middle]
    # Unequal stretches are compared by their means.
    difference = (total[:, end] - total[:, middle]) / second
    difference -= (total[:, middle] - total[:, start]) / first
    ratio = difference**2 / np.outer(np.maximum(variances, 1e-12), 1 / first + 1 / second)
    scale = np.maximum(np.median(ratio, axis=1) / _MEDIAN_OF_SQUARE, 1.0)
    return np.asarray(np.minimum(ratio, _CLIP * scale[:, None]).mean(axis=1))


class Dependence:
    """Learns the inflation of each bet from a stream in control.

    bets: whose dependence is measured. known: inflation from ordered calibration errors, (C,),
    or None: the daemon then starts with UNKNOWN and learns.
    """

    def __init__(self, bets: Bets, known: Floats | None = None) -> None:
        self._bets = bets
        self._known = known is not None
        self.inflation = np.full(bets.means.size, UNKNOWN) if known is None else known
        self._blocks = np.zeros((_HISTORY + _LAG, bets.bins))
        self._filled = 0
        self._open = np.zeros(bets.bins)
        self._open_rows = 0
        self._learned_rows = 0
        self._next_update = FEWEST_BLOCKS
        self._turns = 0
        self._block_rows = BLOCK_ROWS if self._known else FIRST_BLOCK_ROWS

    @property
    def known(self) -> bool:
        """True once enough was seen to trust the inflation."""
        return self._known

    @property
    def progress(self) -> float:
        """Share of the rows needed to know, in [0, 1]."""
        return 1.0 if self._known else min(1.0, self._learned_rows / ROWS_TO_LEARN)

    def add(self, counts: Floats, rows: int, ended_by_time: bool) -> bool:
        """Take a block's bins (K,) into account; true if the inflation changed."""
        self._open_rows += rows
        self._open += counts
        if self._open_rows < self._block_rows and not ended_by_time:
            return False
        if self._filled == len(self._blocks):
            # Forget the older half at once: moving everything for each block costs more.
            half = len(self._blocks) // 2
            self._blocks[:half] = self._blocks[half:].copy()
            self._filled -= half
            # An estimate takes as long as a thousand blocks: when full, only at every fourth turn.
            self._turns = (self._turns + 1) % 4
            self._next_update = _HISTORY if self._turns == 0 else len(self._blocks) + 1
        self._blocks[self._filled] = self._open
        self._filled += 1
        self._learned_rows += self._open_rows
        self._close()
        changed = self._update()
        if self._block_rows < BLOCK_ROWS and self._filled == 4 * FEWEST_BLOCKS:
            self._join()
        return changed

    def _join(self) -> None:
        """From first, small blocks to blocks of the usual size."""
        joined = BLOCK_ROWS // FIRST_BLOCK_ROWS
        small = self._blocks[: self._filled]
        self._filled //= joined
        self._blocks[: self._filled] = small.reshape(self._filled, joined, -1).sum(axis=1)
        self._block_rows = BLOCK_ROWS
        self._next_update = 2 * self._filled

    def _close(self) -> None:
        self._open[:] = 0
        self._open_rows = 0

    def forget_recent(self) -> None:
        """Drop the blocks that have not been learned from: they may be of a drift."""
        dropped = min(self._filled, _LAG)
        self._learned_rows -= int(self._blocks[self._filled - dropped : self._filled].sum())
        self._filled -= dropped
        self._close()

    def _update(self) -> bool:
        # A first, careful estimate is needed soon, and differences hardly see a drift.
        settled = self._filled - _LAG if self._known else self._filled
        if settled < self._next_update:
            return False
        learned = self._blocks[:settled]
        enough = int(learned.sum()) >= ROWS_TO_LEARN
        # Estimates are made at twice the number of blocks each time: cheap in the long run.
        self._next_update = min(2 * settled, _HISTORY) if settled < _HISTORY else len(self._blocks)
        if not enough:
            if self._known:
                return False
            self._next_update = min(self._next_update, settled + FEWEST_BLOCKS)
            self.inflation = upper_bound(self._bets, learned)
            return True
        self._known = True
        self.inflation = estimate(self._bets, learned, caution=1.0)
        return True

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "inflation": self.inflation,
            "known": self._known,
            "blocks": self._blocks[: self._filled],
            "open": self._open,
            "open_rows": self._open_rows,
            "learned_rows": self._learned_rows,
            "next_update": self._next_update,
            "block_rows": self._block_rows,
            "turns": self._turns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was called."""
        self.inflation = np.array(state["inflation"])
        self._known = bool(state["known"])
        self._filled = len(state["blocks"])
        self._blocks[: self._filled] = state["blocks"]
        self._open[:] = state["open"]
        self._open_rows = int(state["open_rows"])
        self._learned_rows = int(state["learned_rows"])
        self._next_update = int(state["next_update"])
        self._block_rows = int(state["block_rows"])
        self._turns = int(state["turns"])


def from_ordered(bets: Bets, errors: Floats) -> Floats | None:
    """Inflation from calibration errors in stream order, (C,); None if they are too few.

    errors: (n,), in units of the reference. Blocks are as small as needed to have 400 of them.
    """
    rows = int(np.clip(errors.size // 400, 16, BLOCK_ROWS))
    blocks = errors.size // rows
    if blocks < 2 * FEWEST_BLOCKS:
        return None
    bins = bets.bin_of_bucket[bucket_index(errors[: blocks * rows])]
    counts = np.zeros((blocks, bets.bins))
    np.add.at(counts, (np.repeat(np.arange(blocks), rows), bins), 1)
    return estimate(bets, counts, caution=1.0)
