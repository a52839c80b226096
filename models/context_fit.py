"""Learns a context from calibration errors and their times or a column, and whether it helps.

1. The median of the log error, by the hour of the day: the number of harmonics is chosen by the
   loss on held-out stretches, the simplest within a standard error of the best. It helps if the
   days agree on that (a t-test). Then the same by the hour of the week, in whole weeks, against
   what the hour of the day gives.
   By a column: of its value, judged by runs of neighbouring records.
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

from models.context import COLUMN, FARTHEST, KINDS, STEP, Context
from models.context_column import ContextColumn
from models.context_folds import (
    AnyShape,
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
from models.context_stages import AUTO, Stage, Stages, lacking
from models.errors import CalibrationError

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

ASKED: Final = (AUTO, *KINDS)
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
    """Logarithms of errors (n,), and what is known of their records."""

    y: Floats
    stages: Stages

    @property
    def cells(self) -> Index:
        """The cell of each, (n,)."""
        return self.stages.cells

    def part(self, rows: Index) -> _Sample:
        """That of some records."""
        return _Sample(self.y[rows], self.stages.part(rows))


@dataclass(frozen=True, eq=False)
class _Settled:
    """A shape, None if it does not help, and the test of each stage."""

    shape: AnyShape | None
    tests: dict[str, Test]


def fit_context(
    errors: Floats, at: Index | Floats, asked: str, column: ContextColumn | None = None
) -> tuple[Context | None, dict[str, Any]]:
    """The context of calibration errors (n,), and what the held-out check found, as JSON values.

    at: of each, see `context.places`. asked: one of ASKED, or the column as people name it; with
    AUTO there is none unless it helps, with another one it is kept. Raises CalibrationError if the
    errors are too few for what is asked, but for AUTO.
    """
    positive = errors > 0
    stages = Stages.of(at[positive], weekly=asked != "hour", column=column)
    missing = lacking(at[positive], asked, column)
    if stages is None or missing:
        if asked != AUTO:
            by = f"by the {asked}" if column is None else "by a column"
            raise CalibrationError(f"a context {by} needs {missing}.")
        return None, {"asked": asked, "kind": "", "why": f"not known: it takes {missing}"}
    whole = _Sample(np.log(errors[positive]), stages)
    rows = np.unique(np.linspace(0, whole.y.size - 1, min(whole.y.size, MOST)).astype(np.int64))
    sample = whole.part(rows)
    kept = asked if column is None else COLUMN
    level = _settled(sample, lambda folds: sample.y, MEDIAN, kept)
    units = sample.stages.first.folds.units
    check = {"asked": asked, "days" if column is None else "runs": units, **_tests(level, "")}
    if level.shape is None:
        return None, {**check, "kind": "", "why": "no cycle that held-out days agree on"}
    spread = _settled(sample, lambda f: _distances(sample, f, level.shape), SPREAD, AUTO)
    check |= _tests(spread, "spread_")
    stage = sample.stages.stage(level.shape, spread.shape)
    curves = (
        curve(sample.y, sample.cells, stage.folds, MEDIAN, level.shape),
        curve(_distances(sample, stage.folds, level.shape), sample.cells, stage.folds, SPREAD,
              spread.shape),
    )  # fmt: skip
    context, told = _made(errors, whole, sample, stage, curves, check, column)
    if asked == AUTO and told["known_to"] > LEAST_KNOWN:
        why = f"there is a swing, but it is known only to within {told['known_to']:.0%}"
        return None, {**check, "kind": "", "why": why}
    return context, told


def _settled(
    sample: _Sample, target: Callable[[Folds], Floats], level: float, asked: str
) -> _Settled:
    """The shape of a quantile. target: what it is of, by how it is held out. asked: the kind that
    is kept whatever the check says, or AUTO."""
    shape: AnyShape | None = None
    tests = {}
    for stage in sample.stages.each:
        y = target(stage.folds)
        before = curve(y, sample.cells, stage.folds, level, shape)
        usual = losses(y, sample.cells, stage.folds, level, before)
        best, loss = chosen(y, sample.cells, stage.folds, level, stage.shapes)
        tests[stage.name] = compared(usual, loss)
        if tests[stage.name].helps or stage.name == asked:
            shape = best.shape
    return _Settled(shape, tests)


def _distances(sample: _Sample, folds: Folds, shape: AnyShape | None) -> Floats:
    """Logarithms of the distances from the held-out median."""
    level = curve(sample.y, sample.cells, folds, MEDIAN, shape)
    far = np.abs(sample.y - level.at(sample.cells, folds.fold))
    return np.log(np.maximum(far, NEAREST))


def _tests(settled: _Settled, name: str) -> dict[str, Any]:
    return {
        f"{name}{kind}": {
            "gain": round(test.gain, 4),
            "odds": round(test.odds, 2),
            "helps": test.helps,
        }
        for kind, test in settled.tests.items()
    }


def _made(
    errors: Floats,
    whole: _Sample,
    sample: _Sample,
    stage: Stage,
    curves: tuple[Curve, Curve],
    check: dict[str, Any],
    column: ContextColumn | None,
) -> tuple[Context, dict[str, Any]]:
    """The context of these curves, and what is said of it."""
    level, spread = curves
    folds = stage.folds
    usual = np.bincount(whole.cells, minlength=folds.size) / whole.cells.size
    seen = usual > 0
    levels = centred(np.vstack([level.whole, level.held_out]), usual, FARTHEST)
    spreads = centred(np.vstack([spread.whole, spread.held_out]), usual, math.log(WIDEST))
    middle = float(np.median(whole.y - levels[0][whole.cells]))
    stretch = np.exp(-spreads)
    # Each error by the functions that were fitted to the other stretches.
    fold = 1 + whole.stages.stage(level.shape, spread.shape).folds.fold
    held = whole.y - levels[fold, whole.cells] - middle
    adjusted = np.zeros(errors.size)
    adjusted[errors > 0] = np.exp(held * stretch[fold, whole.cells] + middle)
    shown = levels[0][seen]
    kind = stage.name
    none = losses(sample.y, sample.cells, folds, MEDIAN,
                  curve(sample.y, sample.cells, folds, MEDIAN, None))  # fmt: skip
    explained = compared(none, losses(sample.y, sample.cells, folds, MEDIAN, level)).gain
    check = {
        **check,
        "kind": kind,
        "why": "",
        "explained": round(explained, 4),
        "swing": round(math.expm1(float(shown.max() - shown.min())), 4),
        "least": named(int(np.where(seen, levels[0], np.inf).argmin()), kind, column),
        "most": named(int(np.where(seen, levels[0], -np.inf).argmax()), kind, column),
        "known_to": round(math.expm1(SURE * float(jackknife(levels[1:, seen]).max())), 4),
        "spread": spread.shape is not None,
    }
    return Context(kind, levels[0], stretch[0], middle, adjusted, column), check


def named(cell: int, kind: str, column: ContextColumn | None) -> str:
    """What a cell of the table is of, such as Mon 04:30, or load 12.5."""
    return clock(cell, kind) if column is None else column.text(cell)


def clock(cell: int, kind: str) -> str:
    """The time of a step of the table, such as Mon 04:30."""
    minutes = cell * STEP // 60_000
    name = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[minutes // 1440]
    text = f"{minutes % 1440 // 60:02d}:{minutes % 60:02d}"
    return f"{name} {text}" if kind == "week" else text
