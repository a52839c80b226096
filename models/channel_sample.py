"""Values of channels and the times of their records, or their values of a column: what a channel
context is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.context_column import ContextColumn
from models.context_stages import Stages

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Values (n, C) of channels, where their records are in the context (`context.places`), and
    what these may depend on."""

    values: Floats
    at: Index | Floats
    stages: Stages

    @property
    def cells(self) -> Index:
        """The cell of each record, (n,)."""
        return self.stages.cells


def sampled(
    at: Index | Floats,
    weekly: bool,
    *parts: tuple[Values, Index],
    column: ContextColumn | None = None,
) -> tuple[Sampled, ...]:
    """Parts of the calibration records: their values (C, m), and which rows they are.

    at: of all calibration records, (n,). Nothing where these are too few.
    """
    stages = Stages.of(at, weekly=weekly, column=column)
    if stages is None:
        return ()
    return tuple(
        Sampled(values.T.astype(np.float64), at[rows], stages.part(rows)) for values, rows in parts
    )
