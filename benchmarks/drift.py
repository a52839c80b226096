"""False alarms and delays of the drift test, through the judge as the daemon runs it.

Streams of lognormal errors (sigma 1); the judge has the daemon's default settings and gets
summaries of 256 rows. `python -m benchmarks.drift` prints a table; about four minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.config import DriftConfig, WindowConfig
from monitor.detectors import DETECTORS, DetectorSettings
from monitor.episodes import Episodes
from monitor.judge import Judge
from monitor.records import Partition, Summary
from monitor.window import RollingWindow

ROWS = 256
NULL_RECORDS = 3_000_000
BEFORE, AFTER, REPEATS = 10_240, 61_440, 30
VERSION = "0" * 16

Stream = Callable[[int, np.random.Generator], NDArray[np.float64]]


def autoregressive(rho: float) -> Stream:
    """Log errors that follow AR(1) with this coefficient, of variance 1."""

    def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        noise = rng.normal(size=n) * np.sqrt(1 - rho**2)
        return np.exp(lfilter([1.0], [1.0, -rho], noise))

    return draw


CHANGES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "x1.1": lambda e: 1.1 * e,
    "x1.2": lambda e: 1.2 * e,
    "x1.5": lambda e: 1.5 * e,
    "x2": lambda e: 2 * e,
    "x0.8": lambda e: 0.8 * e,
    "narrow 0.7": lambda e: e**0.7,
    "stuck": lambda e: np.full_like(e, e[0]),
}


def judge(calibration: int, seed: int) -> Judge:
    """A judge with the daemon's defaults and a fresh calibration set."""
    window, drift = WindowConfig(), DriftConfig()
    rolling = RollingWindow(window.records, window.panes)
    errors = np.random.default_rng(seed).lognormal(size=calibration)
    settings = DetectorSettings(
        drift.tolerance, drift.records_per_false_alarm, rolling.pane_capacity
    )
    detector = DETECTORS[drift.detector](Reference.calibrate(errors, None), settings)
    episodes = Episodes(drift.min_records, drift.confirmations, drift.clearances)
    return Judge(VERSION, rolling, detector, episodes, ())


def firings(subject: Judge, errors: NDArray[np.float64], first: int = 0) -> Iterator[int]:
    """Offsets at which the judge fired, while it is fed."""
    for start in range(first, first + len(errors), ROWS):
        part = errors[start - first : start - first + ROWS]
        distribution = ErrorDistribution.from_errors(part)
        end = start + len(part)
        summary = Summary(VERSION, Partition("t", 0), start, end, start, end, distribution)
        yield from (end for c in subject.add(summary) if c.transition.event == "firing")


def false_alarms(calibration: int, stream: Stream) -> float:
    """Firings per million records on a stream in control, over three calibration sets."""
    alarms = 0
    for seed in range(3):
        errors = stream(NULL_RECORDS, np.random.default_rng(100 + seed))
        alarms += sum(1 for _ in firings(judge(calibration, seed), errors))
    return alarms / (3 * NULL_RECORDS / 1e6)


def delays(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> list[float]:
    """Records from the change to the firing in each repeat; inf if it did not fire."""
    found = []
    for seed in range(REPEATS):
        rng = np.random.default_rng(1000 + seed)
        subject = judge(20_000, seed)
        list(firings(subject, rng.lognormal(size=BEFORE)))
        after = change(rng.lognormal(size=AFTER))
        found.append(next((end - BEFORE for end in firings(subject, after, BEFORE)), np.inf))
    return found


def main() -> None:
    """Print both tables."""
    print("false alarms per 10^6 records in control (budget: 1)")
    for name, stream in (("iid", autoregressive(0)), ("AR 0.3", autoregressive(0.3)),
                         ("AR 0.9", autoregressive(0.9))):  # fmt: skip
        rates = [false_alarms(calibration, stream) for calibration in (1000, 5000, 20_000)]
        print(f"  {name:8}", *(f"{rate:8.2f}" for rate in rates), flush=True)
    print("delay in records, median and 95th percentile, 20,000 calibration records")
    for name, change in CHANGES.items():
        found = np.array(delays(change))
        median, high = np.quantile(found, [0.5, 0.95], method="higher")
        print(f"  {name:12} {median:8.0f} {high:8.0f}", flush=True)


if __name__ == "__main__":
    main()
