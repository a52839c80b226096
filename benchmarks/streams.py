"""Streams of reconstruction errors: in control, changed at a known record, and with bursts.

Every stream is a float64 array of positive errors that follows from its generator alone, so
that two detectors, in two files, can be measured on exactly the same records:

    calibration, before, after = trial("x1.2", repeat=0)

The streams in control differ in what usually breaks a detector: skewness (`gamma`), two
populations (`mixture`), dependence (`ar0.9`) and traffic that comes and goes (`cycle10`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Errors = NDArray[np.float64]
Change = Callable[[Errors, np.random.Generator], Errors]
"""Maps errors in control to errors after a change; the generator draws which records it hits."""

CALIBRATION, BEFORE, AFTER = 20_000, 60_160, 300_000
"""Records of a trial: to calibrate on, in control before the change, and after it."""

ROWS = 256
"""Records in one evaluation of a detector that works on blocks."""

CYCLE = 200_000
RAMP = 50_000

AUTOREGRESSIVE = {"ar0.3": 0.3, "ar0.9": 0.9, "ar0.98": 0.98}
CYCLES = {"cycle10": 0.10, "cycle20": 0.20}

MEDIANS = {
    "lognormal": 1.0,
    "gamma": 4.670909,
    "mixture": 1.184612,
    **dict.fromkeys((*AUTOREGRESSIVE, *CYCLES), 1.0),
}
"""The median error of each kind of stream in control."""

KINDS = tuple(MEDIANS)


def null(kind: str, n: int, rng: np.random.Generator) -> Errors:
    """n errors in control. Raises ValueError for a kind that is not in KINDS."""
    if kind == "lognormal":
        return rng.lognormal(size=n)
    if kind == "gamma":
        return rng.gamma(5.0, size=n)
    if kind == "mixture":
        far = rng.random(n) < 0.3
        return np.exp(0.3 * rng.standard_normal(n) + np.where(far, np.log(3.0), 0.0))
    if kind in AUTOREGRESSIVE:
        return np.exp(_autoregression(n, AUTOREGRESSIVE[kind], rng))
    if kind in CYCLES:
        phase = 2 * np.pi * (np.arange(n) / CYCLE + rng.random())
        level: Errors = np.exp(np.log1p(CYCLES[kind]) * np.sin(phase))
        return level * rng.lognormal(size=n)
    raise ValueError(f"unknown kind of stream {kind!r}. Use one of {', '.join(KINDS)}.")


def _autoregression(n: int, rho: float, rng: np.random.Generator) -> Errors:
    """AR(1) of mean 0 and variance 1, stationary from its first value on."""
    noise = rng.standard_normal(n) * np.sqrt(1 - rho**2)
    # The filter's state stands for a value before the first one, drawn from the stationary law;
    # a start at 0 would make the first 1 / (1 - rho) records too quiet.
    values, _ = lfilter([1.0], [1.0, -rho], noise, zi=[rho * rng.standard_normal()])
    return np.asarray(values, np.float64)


def scale(factor: float) -> Change:
    """Every error times the factor."""
    return lambda errors, rng: factor * errors


def tail(share: float, factor: float = 5.0) -> Change:
    """This share of the records, drawn at random, times the factor."""

    def change(errors: Errors, rng: np.random.Generator) -> Errors:
        return errors * np.where(rng.random(len(errors)) < share, factor, 1.0)

    return change


def power(exponent: float, median: float) -> Change:
    """Log errors farther from their median (exponent above 1) or nearer to it (below 1)."""
    return lambda errors, rng: median * (errors / median) ** exponent


def stuck(value: float) -> Change:
    """The same error for every record, as from a camera that repeats one frame."""
    return lambda errors, rng: np.full_like(errors, value)


def ramp(factor: float, records: int = RAMP) -> Change:
    """A scale that grows from 1 to the factor, evenly in the log, and stays there."""

    def change(errors: Errors, rng: np.random.Generator) -> Errors:
        return errors * factor ** np.minimum(np.arange(len(errors)) / records, 1.0)

    return change


def changes(median: float) -> dict[str, Change]:
    """The named changes of a stream whose median error in control is `median`."""
    return {
        "x1.1": scale(1.1),
        "x1.2": scale(1.2),
        "x1.5": scale(1.5),
        "x2": scale(2.0),
        "x0.8": scale(0.8),
        "x0.5": scale(0.5),
        "tail 5%": tail(0.05),
        "spread 1.3": power(1.3, median),
        "narrow 0.7": power(0.7, median),
        "stuck": stuck(1.03 * median),
        "ramp 1.5": ramp(1.5),
    }


CHANGES: dict[str, Change] = changes(MEDIANS["lognormal"])
"""The changes of lognormal errors. Trials are seeded by their order: add new ones at the end."""


def bursts(errors: Errors, length: int, every: int, rng: np.random.Generator) -> Errors:
    """The errors with `length` records at five times their size in every `every` records.

    Each burst starts at a random place of its stretch and ends within it.
    """
    burst = errors.copy()
    for start in range(0, len(errors) - every + 1, every):
        first = start + int(rng.integers(every - length + 1))
        burst[first : first + length] *= 5.0
    return burst


def trial(change: str, repeat: int) -> tuple[Errors, Errors, Errors]:
    """Calibration errors, errors in control, and errors from the change on; all lognormal.

    The change falls anywhere in a block of ROWS records: one that always fell on an edge would
    flatter the detectors that work on blocks.
    """
    rng = np.random.default_rng([list(CHANGES).index(change), repeat])
    calibration = null("lognormal", CALIBRATION, rng)
    before = null("lognormal", BEFORE - int(rng.integers(ROWS)), rng)
    after = CHANGES[change](null("lognormal", AFTER, rng), rng)
    return calibration, before, after
