"""Learns a context from calibration errors and their times, and whether it helps.

1. The median of the log error, by the hour of the day: the number of harmonics is chosen by the
   loss on held-out stretches, the simplest within a standard error of the best. It helps if the
   days agree on that (a t-test). Then the same by the hour of the week, in whole weeks, against
   what the hour of the day gives.
2. The spread around the median in the same way.
3. The errors for the drift test's reference are those of each stretch, adjusted by the functions
   that were fitted to the others: they are no better than the errors to come will be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.context import CELLS, FARTHEST, KINDS, STEP, Context, cells_of
from models.context_folds import (
    DAY,
    FEWEST_UNITS,
    WEEK,
    Curve,
    Folds,
    Test,
    centred,
    chosen,
    compared,
    curve,
    jackknife,
    losses,
)
from models.context_shapes import OF_DAY, OF_WEEK, Shape
from models.errors import CalibrationError

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

AUTO: Final = "auto"
ASKED: Final = (AUTO, *KINDS)
FEWEST: Final = 200
"""Errors above 0 below which nothing can be told."""
MOST: Final = 20_000
"""Errors, evenly spread, that functions are fitted to; all are adjusted."""
MEDIAN: Final = 0.5
SPREAD: Final = 0.8
"""Quantile of the distance from the median that tells the spread."""
SURE: Final = 1.96
LEAST_KNOWN: Final = 0.2
"""With AUTO a swing that is known less well stays: what would be left of it, where neighbouring
records depend on each other for days, is drift to the judge as the whole was (Electricity: an
error twice as large was found after 12,200 records, without a context after 9,300)."""
NEAREST: Final = 1e-6
"""Distance from the median that counts as this much, in logarithms."""
WIDEST: Final = 4.0
"""Most that a spread is widened or narrowed by."""


@dataclass(frozen=True, eq=False)
class _Sample:
    """Logarithms of errors, and what is known of their times. weeks: None if they are too few, or
    nobody asks."""

    y: Floats
    cells: Index
    days: Folds
    weeks: Folds | None

    def folds(self, *shapes: Shape | None) -> Folds:
        """Those that functions of these shapes are judged by."""
        weekly = any(shape is not None and shape.week for shape in shapes)
        return self.weeks if weekly and self.weeks is not None else self.days

    def part(self, rows: Index) -> _Sample:
        """That of some records."""
        weeks = None if self.weeks is None else self.weeks.part(rows)
        return _Sample(self.y[rows], self.cells[rows], self.days.part(rows), weeks)


@dataclass(frozen=True, eq=False)
class _Settled:
    """A shape, None if it does not help, and the tests of the day and of the week."""

    shape: Shape | None
    day: Test
    week: Test | None


def fit_context(
    errors: Floats, moments: Index, asked: str
) -> tuple[Context | None, dict[str, Any]]:
    """The context of calibration errors (n,), and what the held-out check found, as JSON values.

    moments: of each, in milliseconds since the epoch. asked: one of ASKED; with AUTO there is none
    unless it helps, with another one it is kept. Raises CalibrationError if the errors are too few
    for what is asked, but for AUTO.
    """
    whole = _sampled(errors, moments, weekly=asked != "hour")
    missing = lacking(moments[errors > 0], asked)
    if whole is None or missing:
        if asked != AUTO:
            raise CalibrationError(f"a context by the {asked} needs {missing}.")
        return None, {"asked": asked, "kind": "", "why": f"not known: it takes {missing}"}
    rows = np.unique(np.linspace(0, whole.y.size - 1, min(whole.y.size, MOST)).astype(np.int64))
    sample = whole.part(rows)
    level = _settled(sample, lambda folds: sample.y, MEDIAN, asked)
    check = {"asked": asked, "days": sample.days.units, **_tests(level, "")}
    if level.shape is None:
        return None, {**check, "kind": "", "why": "no cycle that held-out days agree on"}
    spread = _settled(sample, lambda f: _distances(sample, f, level.shape), SPREAD, AUTO)
    check |= _tests(spread, "spread_")
    folds = sample.folds(level.shape, spread.shape)
    curves = (
        curve(sample.y, sample.cells, folds, MEDIAN, level.shape),
        curve(_distances(sample, folds, level.shape), sample.cells, folds, SPREAD, spread.shape),
    )
    context, told = _made(errors, whole, sample, folds, curves, check)
    if asked == AUTO and told["known_to"] > LEAST_KNOWN:
        why = f"there is a swing, but it is known only to within {told['known_to']:.0%}"
        return None, {**check, "kind": "", "why": why}
    return context, told


def _sampled(errors: Floats, moments: Index, *, weekly: bool) -> _Sample | None:
    """Of the errors above 0; None for too few days."""
    positive = errors > 0
    days = Folds.of(moments[positive], DAY)
    if days is None:
        return None
    weeks = Folds.of(moments[positive], WEEK) if weekly else None
    return _Sample(np.log(errors[positive]), cells_of(moments[positive]), days, weeks)


def lacking(moments: Index, asked: str) -> str:
    """What there would have to be of records of which these are the times, or ""."""
    if moments.size < FEWEST or Folds.of(moments, DAY) is None:
        return f"{FEWEST} calibration records with an error above 0, of {FEWEST_UNITS} days"
    if asked == "week" and Folds.of(moments, WEEK) is None:
        return f"calibration records of {FEWEST_UNITS} weeks"
    return ""


def _settled(
    sample: _Sample, target: Callable[[Folds], Floats], level: float, asked: str
) -> _Settled:
    """The shape of a quantile. target: what it is of, by how it is held out. asked: as above."""
    cells = sample.cells

    def judged(
        folds: Folds, shapes: tuple[Shape, ...], before: Shape | None
    ) -> tuple[Shape | None, Test]:
        y = target(folds)
        usual = losses(y, cells, folds, level, curve(y, cells, folds, level, before))
        best, loss = chosen(y, cells, folds, level, shapes)
        return best.shape, compared(usual, loss)

    by_day, day = judged(sample.days, OF_DAY, None)
    shape = by_day if day.helps or asked == "hour" else None
    if sample.weeks is None:
        return _Settled(shape, day, None)
    by_week, week = judged(sample.weeks, OF_WEEK, shape)
    return _Settled(by_week if week.helps or asked == "week" else shape, day, week)


def _distances(sample: _Sample, folds: Folds, shape: Shape | None) -> Floats:
    """Logarithms of the distances from the held-out median."""
    level = curve(sample.y, sample.cells, folds, MEDIAN, shape)
    far = np.abs(sample.y - level.at(sample.cells, folds.fold))
    return np.log(np.maximum(far, NEAREST))


def _tests(settled: _Settled, name: str) -> dict[str, Any]:
    found = {f"{name}hour": settled.day, f"{name}week": settled.week}
    return {
        key: {"gain": round(test.gain, 4), "odds": round(test.odds, 2), "helps": test.helps}
        for key, test in found.items()
        if test is not None
    }


def _made(
    errors: Floats,
    whole: _Sample,
    sample: _Sample,
    folds: Folds,
    curves: tuple[Curve, Curve],
    check: dict[str, Any],
) -> tuple[Context, dict[str, Any]]:
    """The context of these curves, and what is said of it."""
    level, spread = curves
    usual = np.bincount(whole.cells, minlength=CELLS) / whole.cells.size
    seen = usual > 0
    levels = centred(np.vstack([level.whole, level.held_out]), usual, FARTHEST)
    spreads = centred(np.vstack([spread.whole, spread.held_out]), usual, math.log(WIDEST))
    middle = float(np.median(whole.y - levels[0][whole.cells]))
    stretch = np.exp(-spreads)
    # Each error by the functions that were fitted to the other stretches.
    fold = 1 + whole.folds(level.shape, spread.shape).fold
    held = whole.y - levels[fold, whole.cells] - middle
    adjusted = np.zeros(errors.size)
    adjusted[errors > 0] = np.exp(held * stretch[fold, whole.cells] + middle)
    shown = levels[0][seen]
    kind = "week" if folds is sample.weeks else "hour"
    none = losses(sample.y, sample.cells, folds, MEDIAN,
                  curve(sample.y, sample.cells, folds, MEDIAN, None))  # fmt: skip
    explained = compared(none, losses(sample.y, sample.cells, folds, MEDIAN, level)).gain
    check = {
        **check,
        "kind": kind,
        "why": "",
        "explained": round(explained, 4),
        "swing": round(math.expm1(float(shown.max() - shown.min())), 4),
        "least": clock(int(np.where(seen, levels[0], np.inf).argmin()), kind),
        "most": clock(int(np.where(seen, levels[0], -np.inf).argmax()), kind),
        "known_to": round(math.expm1(SURE * float(jackknife(levels[1:, seen]).max())), 4),
        "spread": spread.shape is not None,
    }
    return Context(kind, levels[0], stretch[0], middle, adjusted), check


def clock(cell: int, kind: str) -> str:
    """The time of a step of the table, such as Mon 04:30."""
    minutes = cell * STEP // 60_000
    name = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[minutes // 1440]
    text = f"{minutes % 1440 // 60:02d}:{minutes % 60:02d}"
    return f"{name} {text}" if kind == "week" else text
