"""What a context may depend on, from the plainest, and the records that say whether it helps.

By the time: the hour of the day, then of the week where there are enough of these. By a column:
its value. Each stage is looked at beside what those before it gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.context import COLUMN, places
from models.context_column import ContextColumn
from models.context_column_shapes import shapes_of
from models.context_folds import DAY, FEWEST_UNITS, WEEK, AnyShape, Folds
from models.context_shapes import OF_DAY, OF_WEEK

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

AUTO: Final = "auto"
FEWEST: Final = 200
"""Records below which nothing can be told."""


@dataclass(frozen=True, eq=False)
class Stage:
    """name: the kind of a context by it. folds: of its records. shapes: from the simplest."""

    name: str
    folds: Folds
    shapes: tuple[AnyShape, ...]


@dataclass(frozen=True, eq=False)
class Stages:
    """Those of some records. cells: (n,), the cell of each. each: from the plainest."""

    cells: Index
    each: tuple[Stage, ...]

    @classmethod
    def of(
        cls, at: Index | Floats, *, weekly: bool = True, column: ContextColumn | None = None
    ) -> Stages | None:
        """Of records in their order; None if they are too few.

        at: see `context.places`. weekly: the hour of the week may be looked at.
        """
        if at.size < FEWEST:
            return None
        cells = places(at, column)
        if column is not None:
            runs = Folds.of_runs(at.size, column.size)
            return cls(cells, (Stage(COLUMN, runs, shapes_of(column, cells)),))
        moments = at.astype(np.int64)
        days = Folds.of(moments, DAY)
        if days is None:
            return None
        weeks = Folds.of(moments, WEEK) if weekly else None
        by_week = () if weeks is None else (Stage("week", weeks, OF_WEEK),)
        return cls(cells, (Stage("hour", days, OF_DAY), *by_week))

    @property
    def first(self) -> Stage:
        """The plainest."""
        return self.each[0]

    def stage(self, *shapes: AnyShape | None) -> Stage:
        """That by which functions of these shapes are judged: the last that has one of them."""
        for stage in reversed(self.each):
            if any(shape in stage.shapes for shape in shapes):
                return stage
        return self.first

    def part(self, rows: Index) -> Stages:
        """Those of some of the records."""
        each = (Stage(s.name, s.folds.part(rows), s.shapes) for s in self.each)
        return Stages(self.cells[rows], tuple(each))


def lacking(at: Index | Floats, asked: str, column: ContextColumn | None = None) -> str:
    """What there would have to be of records with an error above 0, or ""."""
    if column is not None:
        enough = at.size >= FEWEST
        return "" if enough else f"{FEWEST} calibration records with an error above 0"
    if Stages.of(at, weekly=False) is None:
        return f"{FEWEST} calibration records with an error above 0, of {FEWEST_UNITS} days"
    if asked == "week" and Folds.of(at.astype(np.int64), WEEK) is None:
        return f"calibration records of {FEWEST_UNITS} weeks"
    return ""
