"""Which functions of the time or of a column help each of many channels: ridge regression, held
out.

The shapes, stretches and rules are those of a context (`context_folds.py`); the loss is the square
of the distance, of values whose tails are cut off, since that is solved for all channels at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.channel_sample import Sampled
from models.context_folds import AnyShape, Folds, as_good, compared

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

TAIL: Final = 0.01
"""Share of values on each side that count as the outermost of the others, usually."""
AT_ONCE: Final = 64
"""Channels that are looked at together."""


def settled(
    values: Floats, sample: Sampled, doubt: float, tail: float = TAIL
) -> list[AnyShape | None]:
    """The shape of each channel's level, values (n, K); None where none helps.

    doubt: chance of one where none does. tail: share of values on each side that is cut off.
    """
    found: list[AnyShape | None] = []
    for first in range(0, values.shape[1], AT_ONCE):
        found += _settled(_cut(values[:, first : first + AT_ONCE], tail), sample, doubt)
    return found


def _cut(values: Floats, tail: float) -> Floats:
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return np.clip(values, low, high)


def _settled(values: Floats, sample: Sampled, doubt: float) -> list[AnyShape | None]:
    found: list[AnyShape | None] = [None] * values.shape[1]
    for stage in sample.stages.each:
        found = _better(values, sample.cells, stage.folds, stage.shapes, found, doubt)
    return found


def _better(
    values: Floats, cells: Index, folds: Folds, shapes: Sequence[AnyShape],
    before: Sequence[AnyShape | None], doubt: float,
) -> list[AnyShape | None]:  # fmt: skip
    """Of each channel the simplest shape within a standard error of the best, if it helps."""
    sums = _Sums(values, cells, folds)
    known = {shape: sums.losses(shape) for shape in {*shapes, *before}}  # (units, K) each
    found: list[AnyShape | None] = []
    for channel, shape in enumerate(before):
        best = min((known[each][:, channel] for each in shapes), key=lambda loss: float(loss.sum()))
        simplest = next(s for s in shapes if as_good(known[s][:, channel], best))
        test = compared(known[shape][:, channel], known[simplest][:, channel], doubt)
        found.append(simplest if test.helps else shape)
    return found


class _Sums:
    """Values (n, K), added up by stretch and cell."""

    def __init__(self, values: Floats, cells: Index, folds: Folds) -> None:
        self._values, self._cells, self._folds = values, cells, folds
        place = folds.fold * folds.size + cells
        size = folds.count * folds.size
        self._counts = np.bincount(place, minlength=size).reshape(-1, folds.size)  # (folds, cells)
        each = [np.bincount(place, v, size) for v in values.T]
        self._sums = np.stack(each, axis=1).reshape(folds.count, folds.size, -1)  # (.., cells, K)
        self._order = np.argsort(folds.unit, kind="stable")
        ordered = folds.unit[self._order]
        self._starts = np.searchsorted(ordered, np.unique(ordered))

    def losses(self, shape: AnyShape | None) -> Floats:
        """Squares of each unit by functions that were fitted without it, (units, K)."""
        functions = np.ones((self._folds.size, 1)) if shape is None else shape.functions
        penalty = np.zeros(1) if shape is None else shape.penalty
        normal = np.stack([functions.T @ (n[:, None] * functions) for n in self._counts])
        wanted = np.stack([functions.T @ s for s in self._sums])
        curves = np.empty(self._sums.shape)
        for fold in range(len(curves)):
            kept = np.arange(len(curves)) != fold
            count = self._counts[kept].sum()
            ridge = np.diag(4 * count * penalty + 1e-9 * count)
            solved = np.linalg.solve(normal[kept].sum(axis=0) + ridge, wanted[kept].sum(axis=0))
            curves[fold] = functions @ solved
        squares = self._values - curves[self._folds.fold, self._cells]
        squares *= squares
        return np.asarray(np.add.reduceat(squares[self._order], self._starts, axis=0))
