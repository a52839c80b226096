"""The detectors that the drift test is measured against.

Two forms, since two kinds of detector exist:

* One that leaves the threshold to its user has `statistic(errors)`: a value for each evaluation
  of ROWS records, 0 until its window is full, higher the more the errors look like drift.
  `alarms_above` turns the values into alarms.
* One that alarms by itself, as River's do, is `alarms(detector, errors, setting)`.

An alarm is the index of the record at which it was raised. River and Numba are imported where
they are used, so that nothing else needs them: `pip install river numba`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, ks_2samp

from benchmarks.streams import ROWS, Errors

EVALUATIONS = 20
WINDOW = EVALUATIONS * ROWS
PART = 100 * ROWS
LEVEL = 0.9
REFRACTORY = 40
"""Evaluations after an alarm in which a statistic over a window cannot alarm again."""

Setting = dict[str, float]


class Statistic(Protocol):
    """A statistic whose threshold is the user's to choose."""

    def statistic(self, errors: Errors) -> Errors:
        """The evidence of drift at the end of each whole block of ROWS errors."""


class RollingQuantileRatio:
    """Absolute log ratio of a rolling quantile to that of the calibration errors."""

    def __init__(self, calibration: Errors) -> None:
        self._log_reference = np.log(np.quantile(calibration, LEVEL))

    def statistic(self, errors: Errors) -> Errors:
        """|log(quantile of the last WINDOW errors / quantile of the calibration errors)|."""
        evidence = np.zeros(len(errors) // ROWS)
        if len(errors) >= WINDOW:
            windows = np.lib.stride_tricks.sliding_window_view(errors, WINDOW)[::ROWS]
            rank = int(LEVEL * WINDOW)
            quantiles = np.partition(windows, rank, axis=1)[:, rank]
            evidence[EVALUATIONS - 1 :] = np.abs(np.log(quantiles) - self._log_reference)
        return evidence


class KolmogorovSmirnov:
    """Distance of the window's distribution from that of the calibration errors.

    The distance is taken at the 999 permilles of the calibration errors: at most 0.001 below the
    one over all 20,000 of them, and 1 / sqrt(WINDOW), the scale of its noise, is 0.014.
    """

    BINS = 1_000

    def __init__(self, calibration: Errors) -> None:
        self._edges = np.quantile(calibration, np.arange(1, self.BINS) / self.BINS)

    def statistic(self, errors: Errors) -> Errors:
        """sqrt(WINDOW) times the largest difference of the two distribution functions."""
        blocks = len(errors) // ROWS
        bins = np.searchsorted(self._edges, errors[: blocks * ROWS])
        cells = np.repeat(np.arange(blocks), ROWS) * self.BINS + bins
        counts = np.bincount(cells, minlength=blocks * self.BINS).reshape(blocks, self.BINS)
        cumulative = np.cumsum(_over_window(counts), axis=1) / WINDOW
        gaps = np.abs(cumulative - np.arange(1, self.BINS + 1) / self.BINS)
        return _after_first_window(blocks, np.sqrt(WINDOW) * gaps.max(axis=1))


class BinomialExceedance:
    """Two-sided exact binomial test of the share of errors above a calibration quantile."""

    def __init__(self, calibration: Errors) -> None:
        self._threshold = np.quantile(calibration, LEVEL)
        count = np.arange(WINDOW + 1)
        above = binom.logsf(count - 1, WINDOW, 1 - LEVEL)
        below = binom.logcdf(count, WINDOW, 1 - LEVEL)
        self._evidence = -np.minimum(above, below) / np.log(10)

    def statistic(self, errors: Errors) -> Errors:
        """-log10 of the smaller one-sided p value."""
        blocks = len(errors) // ROWS
        exceed = errors[: blocks * ROWS].reshape(blocks, ROWS) > self._threshold
        counts = _over_window(exceed.sum(axis=1))
        return _after_first_window(blocks, self._evidence[counts])


STATISTICS: dict[str, Callable[[Errors], Statistic]] = {
    "rolling q.9 ratio, W 5120": RollingQuantileRatio,
    "KS, W 5120": KolmogorovSmirnov,
    "binomial at q.9, W 5120": BinomialExceedance,
}


def _over_window(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums over each EVALUATIONS successive rows of counts; none if there are fewer."""
    totals = np.zeros((len(counts) + 1, *counts.shape[1:]), np.int64)
    np.cumsum(counts, axis=0, out=totals[1:])
    return totals[EVALUATIONS:] - totals[: max(len(totals) - EVALUATIONS, 0)]


def _after_first_window(blocks: int, evidence: Errors) -> Errors:
    """The evidence preceded by zeros for the evaluations before the window was full."""
    return np.concatenate([np.zeros(blocks - len(evidence)), evidence])


def evidence_of(subject: Statistic, errors: Errors) -> Iterator[float]:
    """The statistic of errors, computed part by part as it is asked for.

    Whoever needs the first alarm after a change does not wait for the records that follow it.
    """
    for start in range(0, len(errors) // ROWS * ROWS, PART):
        first = max(start - WINDOW + ROWS, 0)
        yield from subject.statistic(errors[first : start + PART])[(start - first) // ROWS :]


def positions_above(values: Iterable[float], threshold: float, refractory: int) -> Iterator[int]:
    """Positions of values at or above the threshold, each `refractory` or more after the last."""
    free_from = 0
    for position, value in enumerate(values):
        if value >= threshold and position >= free_from:
            free_from = position + refractory
            yield position


def alarms_above(evidence: Iterable[float], threshold: float) -> Iterator[int]:
    """Records at which a statistic's evidence alarms: the last of the block that reached it."""
    for block in positions_above(evidence, threshold, REFRACTORY):
        yield (block + 1) * ROWS - 1


def require(module: str) -> Any:
    """The module, or a ModuleNotFoundError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        raise ModuleNotFoundError(
            f"{package} is not installed, and this comparison needs it. Install it with"
            f" `pip install {package}`."
        ) from error


def alarms(detector: str, errors: Errors, setting: Setting) -> Iterator[int]:
    """Records at which River's ADWIN, KSWIN or PageHinkley alarms; it restarts by itself.

    `setting` holds the arguments of River's class; an empty one means River's defaults.
    """
    subject = getattr(require("river.drift"), detector)(**setting)
    update = subject.update
    for record, value in enumerate(errors.tolist()):
        update(value)
        if subject.drift_detected:
            yield record


def page_hinkley_alarms(errors: Errors, setting: Setting) -> NDArray[np.int64]:
    """The alarms of River's PageHinkley, 200 times as fast: to tune it, not to measure it."""
    defaults = {"min_instances": 30, "delta": 0.005, "threshold": 50.0, "alpha": 1 - 0.0001}
    found: NDArray[np.int64] = _page_hinkley()(errors, *(defaults | setting).values())
    return found


@cache
def _page_hinkley() -> Callable[..., Any]:
    @require("numba").njit
    def run(errors, min_instances, delta, threshold, alpha):  # type: ignore[no-untyped-def]
        found = []
        n = mean = increase = decrease = 0.0
        lowest, highest = np.inf, -1.0  # River starts them so
        for record in range(len(errors)):
            n += 1.0
            mean += (errors[record] - mean) / n
            deviation = errors[record] - mean
            increase = alpha * increase + deviation - delta
            decrease = alpha * decrease + deviation + delta
            lowest = min(lowest, increase)
            highest = max(highest, decrease)
            evidence = max(increase - lowest, highest - decrease)
            if n >= min_instances and evidence > threshold:
                found.append(record)
                n = mean = increase = decrease = 0.0
                lowest, highest = np.inf, -1.0
        return np.array(found, dtype=np.int64)

    return run  # type: ignore[no-any-return]


KSWIN_WINDOW, KSWIN_RECENT = 100, 30
"""River's defaults: the last 30 of 100 values against 30 drawn from the other 70."""


def kswin_ranks(errors: Errors, seed: int) -> NDArray[np.int8]:
    """30 times KSWIN's distance at each record; -1 until its window is full.

    River's class takes 450 microseconds a record, too long for 10^7 of them. This one draws
    other values of the 70, so that it equals River's in law. An alarm empties KSWIN's window;
    alarms that are KSWIN_WINDOW apart, of a window that is never emptied, see the same values.
    """
    ranks: NDArray[np.int8] = _kswin()(errors, seed)
    return ranks


@cache
def _kswin() -> Callable[..., Any]:
    numba = require("numba")

    @numba.njit
    def distance(left, right):  # type: ignore[no-untyped-def]
        """KSWIN_RECENT times the distance of two sorted samples of that length."""
        i = j = largest = 0
        while i < KSWIN_RECENT and j < KSWIN_RECENT:
            one, other = left[i], right[j]
            i += one <= other
            j += other <= one
            largest = max(largest, abs(i - j))
        return largest

    @numba.njit
    def replace(ordered, leaving, entering):  # type: ignore[no-untyped-def]
        """Put one value in the place of another in a sorted array, which stays sorted."""
        place = np.searchsorted(ordered, leaving)
        while place + 1 < len(ordered) and ordered[place + 1] < entering:
            ordered[place] = ordered[place + 1]
            place += 1
        while place > 0 and ordered[place - 1] > entering:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = entering

    @numba.njit
    def draw(ordered, drawn):  # type: ignore[no-untyped-def]
        """KSWIN_RECENT values drawn without replacement, in order (Knuth's algorithm S)."""
        chosen = 0
        for place in range(len(ordered)):
            drawn[chosen] = ordered[place]  # overwritten by the next one unless it is chosen
            chosen += (len(ordered) - place) * np.random.random() < KSWIN_RECENT - chosen

    @numba.njit
    def run(errors, seed):  # type: ignore[no-untyped-def]
        np.random.seed(seed)
        ranks = np.full(len(errors), -1, np.int8)
        older_size = KSWIN_WINDOW - KSWIN_RECENT
        older, recent = np.sort(errors[:older_size]), np.sort(errors[older_size:KSWIN_WINDOW])
        drawn = np.empty(KSWIN_RECENT + 1)
        for last in range(KSWIN_WINDOW - 1, len(errors)):
            if last >= KSWIN_WINDOW:
                replace(older, errors[last - KSWIN_WINDOW], errors[last - KSWIN_RECENT])
                replace(recent, errors[last - KSWIN_RECENT], errors[last])
            draw(older, drawn)
            ranks[last] = distance(drawn, recent)
        return ranks

    return run  # type: ignore[no-any-return]


def kswin_alpha(rank: int) -> float:
    """The largest alpha at which KSWIN alarms from this distance (times 30) on."""
    if rank < 2:  # two samples without ties are always at least 1 / 30 apart
        return 1.0
    sample = np.arange(KSWIN_RECENT, dtype=np.float64)
    return float(ks_2samp(sample, sample + rank - 0.5, method="exact").pvalue)
