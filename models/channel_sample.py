"""Values of channels and the times of their records: what a channel context is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.context import cells_of
from models.context_fit import FEWEST
from models.context_folds import DAY, WEEK, Folds
from models.context_shapes import Shape

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Values (n, C) of channels, and the times of their records, in milliseconds since the epoch.

    days, weeks: see `Folds`; weeks is None if they are too few, or nobody asks.
    """

    values: Floats
    moments: Index
    days: Folds
    weeks: Folds | None

    @property
    def cells(self) -> Index:
        """The step of the week of each record, (n,)."""
        return cells_of(self.moments)

    def folds(self, *shapes: Shape | None) -> Folds:
        """Those that functions of these shapes are judged by."""
        weekly = any(shape is not None and shape.week for shape in shapes)
        return self.weeks if weekly and self.weeks is not None else self.days


def sampled(moments: Index, weekly: bool, *parts: tuple[Values, Index]) -> tuple[Sampled, ...]:
    """Parts of the calibration records: their values (C, m), and which rows they are.

    moments: of all calibration records, (n,). Nothing where these are of too few days.
    """
    days = Folds.of(moments, DAY) if moments.size >= FEWEST else None
    if days is None:
        return ()
    weeks = Folds.of(moments, WEEK) if weekly else None
    return tuple(
        Sampled(
            values.T.astype(np.float64),
            moments[rows],
            days.part(rows),
            None if weeks is None else weeks.part(rows),
        )
        for values, rows in parts
    )
