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
  records in control cross it less than once in `looks` evaluations.

What it does not correct: records that depend on each other (neighbouring video frames) count
as if they were independent, and make false alarms likelier.

Cost: one cumulative sum over the buckets and 2 x 8 binomial tails, about 0.5 ms a look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.distribution import RELATIVE_ERROR, ErrorDistribution, bucket_index
from models.reference import Reference
from monitor.detectors.evidence import Evidence

LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
MIN_POINTS = 10
"""Calibration errors that must lie on each side of a tested quantile."""
CONFIDENCE_FAILURE = 0.01
"""Chance that any of the Clopper-Pearson bounds of one calibration set fails."""
CLEAR_PROBABILITY = 0.01
"""An episode can end once no test is below this p-value (corrected for the tests)."""
MAX_STATISTIC = 300.0


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Largest and smallest exceedance probability of each tested quantile under no drift."""

    high: NDArray[np.float64]
    low: NDArray[np.float64]


class BinomialExceedance:
    """Tests a window of errors against quantiles of the reference.

    reference: needs at least 2 x MIN_POINTS errors. tolerance: relative change of the error
    that is no drift, >= 0. looks: evaluations within which one false alarm is accepted.

    >>> detector = BinomialExceedance(reference, tolerance=0.05, looks=4000)
    >>> detector.evaluate(window).drifting
    """

    def __init__(self, reference: Reference, tolerance: float, looks: float) -> None:
        counts = reference.distribution
        n = counts.total
        levels = np.array([q for q in LEVELS if min(q, 1 - q) * n >= MIN_POINTS])
        if levels.size == 0:
            raise ValueError(f"the reference needs {2 * MIN_POINTS} errors or more, got {n}")
        self.levels = levels
        self._reference = counts
        self._edges = edges = bucket_index(counts.quantiles(levels))
        # The window's edge moves by the tolerance and the reference's stays: moved the other way
        # round, a reference narrower than the tolerance could never be left.
        shift = _buckets(tolerance)
        self._upper, self._lower = edges + shift, edges - 1 - shift
        self._expected = _exceedances(counts, edges) / n
        self._bounds = _bounds(_exceedances(counts, edges), _exceedances(counts, edges - 1), n)
        tests = 2 * levels.size
        self.threshold = float(np.log10(max(looks, 1.0) * tests))
        self.clear = min(self.threshold, float(-np.log10(CLEAR_PROBABILITY / tests)))

    def evaluate(self, window: ErrorDistribution) -> Evidence:
        """Return the evidence of the test that stands out most."""
        total = window.total
        if total == 0:
            return Evidence(0.0, self.threshold, self.clear, "none", 0.5, np.nan, "no records yet")
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
        if statistic < self.clear:
            return self._calm(window, statistic)
        direction = ("larger" if upward else "smaller") if statistic >= self.threshold else "none"
        level = float(self.levels[leading])
        share = _exceedances(window, self._edges)[leading] / total
        explanation = (
            f"errors are {'larger' if upward else 'smaller'}: {share:.1%} are above the"
            f" reference's {level:g} quantile, {self._expected[leading]:.1%} expected"
        )
        return self._evidence(statistic, direction, level, self._ratio(window, level), explanation)

    def _calm(self, window: ErrorDistribution, statistic: float) -> Evidence:
        ratio = self._ratio(window, 0.5)
        explanation = "no drift"
        if np.isfinite(ratio):
            explanation += f": the median error is {ratio:.2f} times the reference's"
        return self._evidence(statistic, "none", 0.5, ratio, explanation)

    def _ratio(self, window: ErrorDistribution, level: float) -> float:
        """Quantile of the window over that of the reference; nan if the latter is zero."""
        reference = self._reference.quantile(level)
        return window.quantile(level) / reference if reference > 0 else np.nan

    def _evidence(
        self, statistic: float, direction: str, level: float, effect: float, explanation: str
    ) -> Evidence:
        return Evidence(
            statistic=statistic,
            threshold=self.threshold,
            clear=self.clear,
            direction=direction,
            quantile=level,
            effect_size=effect,
            explanation=explanation,
        )


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
    high = stats.beta.ppf(1 - failure, above + 1, np.maximum(n - above, 1))
    low = stats.beta.ppf(failure, np.maximum(not_below, 1), n - not_below + 1)
    return _Bounds(high=np.where(above >= n, 1.0, high), low=np.where(not_below <= 0, 0.0, low))
