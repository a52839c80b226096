"""Exact binomial test of how many errors exceed quantiles of the reference.

Idea: if the stream is as in calibration, the number of errors above the reference's q-quantile
among W is binomial with probability 1 - q. Each of several q is tested upward (errors larger)
and downward (errors smaller). Three corrections keep it honest:

- Finite calibration. The true exceedance probability is only known to lie in a Clopper-Pearson
  interval (Clopper and Pearson, Biometrika 26, 1934); the test uses the end of the interval
  that favours "no drift". Without it, a stream that runs for months finds the sampling error
  of its own calibration set.
- Tolerance. Errors may be larger or smaller by a factor 1 + tolerance throughout: the window is
  counted at the quantile moved by that factor.
- Repeated looks. The level of one test is 1 / (looks x tests): by the union bound, independent
  records in control cross it less than once in `looks` evaluations. To confirm, a fresh window
  is tested at a level for `CONFIRMATION_LOOKS` looks.

What it does not correct: records that depend on each other (neighbouring video frames) count
as if they were independent, and make false alarms likelier. The betting test is the better
choice; this one is the simple alternative, whose every step fits on a page.

Cost: one cumulative sum over the buckets and 2 x 9 binomial tails, about 0.5 ms a look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.distribution import RELATIVE_ERROR, ErrorDistribution, bucket_index
from models.reference import Reference
from monitor.drift.blocks import Block
from monitor.drift.detectors import DetectorSettings
from monitor.drift.detectors.evidence import NOTHING, Calm, Evidence, Finding
from monitor.drift.runs import Run
from monitor.drift.window import RollingWindow

LEVELS: Final = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
MIN_POINTS: Final = 10
"""Calibration errors that must lie on each side of a tested quantile."""
CONFIDENCE_FAILURE: Final = 0.01
"""Chance that any of the Clopper-Pearson bounds of one calibration set fails."""
MAX_STATISTIC: Final = 300.0
WINDOW_ROWS: Final = 5120
LOOK_ROWS: Final = 256
CONFIRMATION_LOOKS: Final = 64
ROWS_TO_LEARN: Final = 512


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Largest and smallest exceedance probability of each tested quantile under no drift."""

    high: NDArray[np.float64]
    low: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation of a window. statistic: -log10 of the smallest p-value."""

    statistic: float
    direction: str
    words: str


NO_LOOK: Final = Look(0.0, "none", "no records yet")


class BinomialExceedance:
    """Tests a window of errors against quantiles of the reference.

    reference: needs at least 2 x MIN_POINTS errors. tolerance: relative change of the error
    that is no drift, >= 0.

    >>> detector = BinomialExceedance(reference, tolerance=0.05)
    >>> detector.watch(block, records=1e4, learn=True).drifting
    """

    dependence = 1.0
    supported = math.inf

    def __init__(self, reference: Reference, tolerance: float) -> None:
        counts = reference.distribution
        n = counts.total
        levels = np.array([q for q in LEVELS if min(q, 1 - q) * n >= MIN_POINTS])
        if levels.size == 0:
            raise ValueError(f"the reference needs {2 * MIN_POINTS} errors or more, got {n}")
        self._made_of = reference, tolerance
        self.levels = levels
        self._edges = edges = bucket_index(counts.quantiles(levels))
        # The window's edge moves by the tolerance and the reference's stays: moved the other way
        # round, a reference narrower than the tolerance could never be left.
        shift = _buckets(tolerance)
        self._upper, self._lower = edges + shift, edges - 1 - shift
        self._expected = _exceedances(counts, edges) / n
        self._bounds = _bounds(_exceedances(counts, edges), _exceedances(counts, edges - 1), n)
        self._seen = 0
        self._look = self._suspected = NO_LOOK
        self._empty()

    @classmethod
    def of(cls, reference: Reference, settings: DetectorSettings) -> BinomialExceedance:
        """The test for a reference; ValueError if it has too few errors."""
        return cls(reference, settings.tolerance)

    def anew(self) -> BinomialExceedance:
        """As `Detector.anew`."""
        return BinomialExceedance(*self._made_of)

    @property
    def ready(self) -> bool:
        """True once there is anything to judge."""
        return self._seen >= ROWS_TO_LEARN

    @property
    def progress(self) -> float:
        """Share of the rows needed."""
        return min(1.0, self._seen / ROWS_TO_LEARN)

    def watch(self, block: Block, records: float, *, learn: bool) -> Evidence:
        """Look at the window after each LOOK_ROWS rows."""
        self._add(block)
        return Evidence(self._look.statistic, self._threshold(records / LOOK_ROWS))

    def watch_calm(self, run: Run, records: float) -> Calm | None:
        """None: blocks are taken one by one."""
        return None

    def begin_confirmation(self) -> None:
        """Begin a fresh window; the look that led here stays the finding."""
        look = self._look
        self._empty()
        self._suspected = look

    def confirm(self, block: Block, odds: float) -> Evidence:
        """Look at the fresh window."""
        self._add(block)
        return Evidence(self._look.statistic, self._threshold(odds * CONFIRMATION_LOOKS))

    def finding(self) -> Finding:
        """The direction of the strongest test; its onset is not estimated."""
        look = self._look if self._look.direction != "none" else self._suspected
        return Finding(look.direction, look.words) if look.direction != "none" else NOTHING

    def restart(self) -> None:
        """Begin a fresh window."""
        self._empty()

    def _empty(self) -> None:
        self._window = RollingWindow(WINDOW_ROWS, WINDOW_ROWS // LOOK_ROWS)
        self._unseen = 0
        self._look = self._suspected = NO_LOOK

    def _add(self, block: Block) -> None:
        self._window.add(block.counts, block.start.rows, 0.0)
        self._seen += block.rows
        self._unseen += block.rows
        if self._unseen >= LOOK_ROWS or block.ended_by_time:
            self._unseen = 0
            self._look = self.look(self._window.errors)

    def _threshold(self, looks: float) -> float:
        return float(np.log10(max(looks, 1.0) * 2 * self.levels.size))

    def look(self, window: ErrorDistribution) -> Look:
        """Return the result of the test that stands out most. A window of any size is allowed."""
        total = window.total
        if total == 0:
            return NO_LOOK
        from scipy import stats  # takes a second to load, and special.bdtr has no logarithm

        above = _exceedances(window, self._upper)
        not_below = _exceedances(window, self._lower)
        larger = -stats.binom.logsf(above - 1, total, self._bounds.high) / np.log(10)
        smaller = -stats.binom.logcdf(not_below, total, self._bounds.low) / np.log(10)
        upward = bool(larger.max() >= smaller.max())
        statistics = np.clip(larger if upward else smaller, 0.0, MAX_STATISTIC)
        rates = (above if upward else not_below) / total
        # Beyond what floating point can tell apart, the largest difference leads.
        ties = statistics == statistics.max()
        leading = int(np.where(ties, np.abs(rates - self._expected), -1.0).argmax())
        statistic = float(statistics[leading]) + 0.0
        direction = ("larger" if upward else "smaller") if statistic > 0 else "none"
        share = _exceedances(window, self._edges)[leading] / total
        words = (
            f"errors are {direction}: {share:.1%} are above the reference's"
            f" {self.levels[leading]:g} quantile, {self._expected[leading]:.1%} expected"
        )
        return Look(statistic, direction, words)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        looks = {"look": self._look, "suspected": self._suspected}
        return {
            "seen": self._seen,
            "unseen": self._unseen,
            "window": self._window.state(),
            **{name: [look.statistic, look.direction, look.words] for name, look in looks.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._empty()
        self._seen, self._unseen = int(state["seen"]), int(state["unseen"])
        self._window.restore(state["window"])
        self._look, self._suspected = Look(*state["look"]), Look(*state["suspected"])


def _buckets(tolerance: float) -> int:
    """How many buckets a relative change of the error spans, rounded up."""
    growth = np.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
    return math.ceil(float(np.log1p(tolerance) / growth))


def _exceedances(errors: ErrorDistribution, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the errors in buckets above each of the given ones; all of them above bucket -1."""
    below = np.concatenate(([0], np.cumsum(errors.counts)))
    places = np.clip(buckets, -1, errors.counts.size - 1) + 1
    return np.asarray(below[-1] - below[places], dtype=np.int64)


def _bounds(above: NDArray[np.int64], not_below: NDArray[np.int64], n: int) -> _Bounds:
    """Clopper-Pearson bounds: the share above an edge at most, and not below it at least."""
    failure = CONFIDENCE_FAILURE / (2 * above.size)
    high = special.betaincinv(above + 1, np.maximum(n - above, 1), 1 - failure)
    low = special.betaincinv(np.maximum(not_below, 1), n - not_below + 1, failure)
    return _Bounds(high=np.where(above >= n, 1.0, high), low=np.where(not_below <= 0, 0.0, low))
