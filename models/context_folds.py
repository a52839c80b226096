"""Curves over the cells of a context, and what records that they were not fitted to say.

By the time, records are held out in stretches of whole days, or whole weeks: neighbouring records
cannot tell each other then. By a column, in turns of runs of neighbours, so that each part has
records of all values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.context import CELLS
from models.context_column_shapes import ColumnShape
from models.context_shapes import Shape
from models.quantile_regression import check_loss, fit

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

AnyShape = Shape | ColumnShape

FOLDS: Final = 5
RUNS: Final = 40
"""Runs of neighbouring records that a context by a column is judged by."""
FEWEST_UNITS: Final = 4
"""Days or weeks with records below which nothing can be told of them."""
DOUBT: Final = 0.01
"""Chance at which days without a cycle agree on one."""
DAY: Final = 86_400_000
WEEK: Final = 7 * DAY
_MONDAY: Final = 4 * DAY


@dataclass(frozen=True, eq=False)
class Folds:
    """unit, fold: int64 (n,), the day or week of each record, or its run, numbered from 0, and its
    stretch. size: cells of the curves."""

    unit: Index
    fold: Index
    size: int = CELLS

    @classmethod
    def of_runs(cls, count: int, size: int) -> Folds:
        """Of so many records in the order in which they came. size: cells of the curves."""
        unit = np.arange(count) * min(RUNS, count) // max(count, 1)
        return cls(unit, unit % FOLDS, size)

    @classmethod
    def of(cls, moments: Index, length: int) -> Folds | None:
        """Of units of so many milliseconds; None if they are too few."""
        _, unit, sizes = np.unique(
            (moments - _MONDAY) // length, return_inverse=True, return_counts=True
        )
        if sizes.size < FEWEST_UNITS:
            return None
        folds = min(FOLDS, sizes.size)
        middle = np.cumsum(sizes) - sizes / 2
        # Each stretch has about as many records, and at least one unit.
        of_unit = np.minimum((middle * folds / sizes.sum()).astype(np.int64), folds - 1)
        of_unit = np.unique(of_unit, return_inverse=True)[1]
        return cls(unit.astype(np.int64), of_unit[unit].astype(np.int64))

    @property
    def count(self) -> int:
        """How many stretches there are."""
        return int(self.fold.max()) + 1

    @property
    def units(self) -> int:
        """How many days or weeks there are."""
        return int(self.unit.max()) + 1

    def part(self, rows: Index) -> Folds:
        """Those of some records."""
        return Folds(self.unit[rows], self.fold[rows], self.size)


@dataclass(frozen=True, eq=False)
class Curve:
    """A fitted function of the cells. whole: (cells,). held_out: (folds, cells), each without one
    stretch. shape: None for a constant."""

    shape: AnyShape | None
    whole: Floats
    held_out: Floats

    def at(self, cells: Index, fold: Index) -> Floats:
        """Of each record by functions that were fitted without it, (n,)."""
        return np.asarray(self.held_out[fold, cells])


@dataclass(frozen=True, eq=False)
class Test:
    """What held-out stretches say. gain: share of the loss that is gone. odds: t of its units,
    over what chance gives with DOUBT: above 1, it helps."""

    gain: float
    odds: float

    @property
    def helps(self) -> bool:
        """Whether it does."""
        return self.odds > 1


def curve(y: Floats, cells: Index, folds: Folds, level: float, shape: AnyShape | None) -> Curve:
    """The quantile of y (n,) by the cell, and without each stretch."""
    if shape is None:
        held = [np.quantile(y[folds.fold != f], level) for f in range(folds.count)]
        whole = np.full(folds.size, np.quantile(y, level))
        return Curve(None, whole, np.repeat(np.array(held)[:, None], folds.size, axis=1))
    made = [_fitted(y, cells, level, shape)]
    for f in range(folds.count):
        kept = folds.fold != f
        made.append(_fitted(y[kept], cells[kept], level, shape))
    return Curve(shape, made[0], np.stack(made[1:]))


def _fitted(y: Floats, cells: Index, level: float, shape: AnyShape) -> Floats:
    """The function, (cells,), no farther than what was seen."""
    # Where every day is alike: a seventh of the steps, and of the work.
    functions, places = shape.functions[: shape.period], cells % shape.period
    found = shape.functions @ fit(functions, places, y, level, shape.penalty)
    seen = found[np.unique(cells)]
    return np.asarray(np.clip(found, seen.min(), seen.max()))


def losses(y: Floats, cells: Index, folds: Folds, level: float, of: Curve) -> Floats:
    """The loss of each unit by functions that were fitted without it, (units,)."""
    loss = check_loss(y - of.at(cells, folds.fold), level)
    return np.asarray(np.bincount(folds.unit, loss), dtype=np.float64)


def compared(before: Floats, after: Floats, doubt: float = DOUBT) -> Test:
    """Whether losses of units (u,) became less. doubt: chance of a yes where they did not."""
    better, count = before - after, before.size
    error = float(better.std(ddof=1)) / math.sqrt(count)
    chance = float(special.stdtrit(count - 1, 1 - doubt))
    total = float(before.sum())
    odds = float(better.mean()) / (error * chance) if error else 0.0
    return Test(float(better.sum()) / total if total else 0.0, odds)


def chosen(
    y: Floats, cells: Index, folds: Folds, level: float, shapes: Sequence[AnyShape]
) -> tuple[Curve, Floats]:
    """The simplest within a standard error of the best, with the losses of its units."""
    curves = [curve(y, cells, folds, level, shape) for shape in shapes]
    found = [losses(y, cells, folds, level, each) for each in curves]
    best = found[int(np.argmin([each.sum() for each in found]))]
    for made, loss in zip(curves, found, strict=True):
        if as_good(loss, best):
            return made, loss
    raise AssertionError("the best is no worse than itself")


def as_good(loss: Floats, best: Floats) -> bool:
    """Whether losses of units (u,) are within a standard error of the best ones."""
    worse = loss - best
    return bool(worse.mean() <= worse.std(ddof=1) / math.sqrt(worse.size))


def centred(curves: Floats, usual: Floats, farthest: float) -> Floats:
    """Functions (k, cells) whose mean over the usual cells is 0. usual: (cells,), adds up to 1."""
    return np.clip(curves - (curves @ usual)[:, None], -farthest, farthest)


def jackknife(held_out: Floats) -> Floats:
    """The standard error of a function in each cell, (cells,), of those without a stretch each."""
    folds = len(held_out)
    squares = np.square(held_out - held_out.mean(axis=0)).sum(axis=0)
    return np.asarray(np.sqrt((folds - 1) / folds * squares))
