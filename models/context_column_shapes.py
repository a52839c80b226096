"""Functions of the cells of a column: what the usual level and spread may depend on it by.

Of numbers: the value, its rank and few cosines of the rank, or a level of its own for each of STEPS
parts of the records, for what changes at once. Of few values: a level for each of them. A cell of
missing values has a level of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.context_column import ContextColumn

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

STRENGTHS: Final = (0.01, 0.0005)
STEPS: Final = 32
_OF_STEPS: Final = 2e-5
"""Strength that takes less than half a percent from a step."""


@dataclass(frozen=True, eq=False)
class ColumnShape:
    """functions: (cells, p), a constant first. penalty: (p,), of the square of each coefficient."""

    functions: Floats
    penalty: Floats

    @property
    def period(self) -> int:
        """Cells after which it repeats: it does not."""
        return len(self.functions)


def shapes_of(column: ContextColumn, cells: Index) -> tuple[ColumnShape, ...]:
    """From the simplest to the richest. cells: (n,), of calibration records, by their ranks."""
    if column.few:
        return (_shape(column, np.eye(column.known), np.ones(column.known), _OF_STEPS),)
    counts = np.bincount(cells, minlength=column.size)[: column.known]
    rank = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    value = column.middle - column.middle.mean()
    line = np.stack([value / (value.std() or 1.0), rank - 0.5], axis=1)
    smooth = []
    for cosines in (0, 2, 4, 8):
        waves = [np.cos(np.pi * k * rank) for k in range(2, cosines + 2)]
        functions = np.concatenate([line, *(wave[:, None] for wave in waves)], axis=1)
        rough = np.array([1.0, 1.0, *(1 + (k / 2) ** 2 for k in range(2, cosines + 2))])
        smooth += [_shape(column, functions, rough, strength) for strength in STRENGTHS]
    steps = np.eye(STEPS)[np.minimum(rank * STEPS, STEPS - 1).astype(np.int64)]
    return (*smooth, _shape(column, steps, np.ones(STEPS), _OF_STEPS))


def _shape(column: ContextColumn, functions: Floats, rough: Floats, strength: float) -> ColumnShape:
    """functions: (known, p), without the constant. rough: (p,), how strongly each is held down."""
    own = int(column.missing)
    whole = np.zeros((column.size, 1 + functions.shape[1] + own))
    whole[:, 0] = 1
    whole[: column.known, 1 : 1 + functions.shape[1]] = functions
    if own:
        whole[-1, -1] = 1
    penalty = np.concatenate([[0.0], strength * rough, [_OF_STEPS] * own])
    return ColumnShape(whole, penalty)
