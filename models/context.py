"""Context: how large and how scattered errors usually are at each time of the day or week, or at
each value of a column.

    log e' = (log e - level(t) - middle) * stretch(t) + middle

A table over the week, in steps of five minutes (UTC), or over the cells of a column
(`context_column.py`), of two functions that were fitted to calibration errors (`context_fit.py`).
Adjusted errors are in the model's units and have the size of usual ones; the drift test judges them
in place of the errors. Cost: 30 ns an error in batches of 2,000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from models import bundle_files
from models.context_column import ContextColumn
from models.reference import Reference

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CELLS: Final = 2016
"""Steps of the table."""
STEP: Final = 300_000
"""Milliseconds of each."""
DAY_CELLS: Final = CELLS // 7
"""Steps of a day."""
KINDS: Final = ("hour", "week")
"""Hour of the day alone, or of the week."""
COLUMN: Final = "column"
"""The kind of a context by a column."""
_MONDAY: Final = 4 * 86_400_000
"""The epoch began on a Thursday."""
FARTHEST: Final = 10.0
"""Largest level, in logarithms: a factor of 22,000."""
_LARGEST: Final = 690.0
"""Logarithm of the largest adjusted error: 1e299."""


def cells_of(moments: Index) -> Index:
    """The step of the week of each moment, milliseconds since the epoch; 0 is Monday, 00:00 UTC."""
    return np.asarray((moments - _MONDAY) // STEP % CELLS)


def places(at: Index | Floats, column: ContextColumn | None) -> Index:
    """The cell of each record, (n,); -1 where nothing is known.

    at: time of each in milliseconds since the epoch, below 0 if that is not known; with a column,
    its value of that.
    """
    if column is not None:
        return column.cells(np.asarray(at, dtype=np.float64))
    return np.where(at < 0, -1, cells_of(np.asarray(at, dtype=np.int64)))


@dataclass(frozen=True, eq=False)
class Context:
    """What is usual at each time of the week, or at each value of a column.

    kind: one of KINDS, or COLUMN. level: (cells,), logarithm of the usual error over the middle.
    stretch: (cells,), usual spread over that there. middle: logarithm of the usual error. errors:
    (n,), the calibration errors, each adjusted by functions that were fitted without it, in stream
    order if that is known. column: None if it is by the time.
    """

    kind: str
    level: Floats
    stretch: Floats
    middle: float
    errors: Floats
    column: ContextColumn | None = None

    def adjusted(self, errors: Floats, at: Index | Floats) -> Floats:
        """Errors (n,) as they would be at a usual time, or a usual value of the column.

        at: of each, see `places`; where nothing is known, errors stay as they are.
        """
        return self.in_cells(errors, places(at, self.column))

    def in_cells(self, errors: Floats, cells: Index) -> Floats:
        """The same of errors in these cells of the table, -1 where nothing is known."""
        with np.errstate(divide="ignore"):
            found = np.log(errors)  # -inf of 0 stays 0
        found -= self.level.take(cells)
        found -= self.middle
        found *= self.stretch.take(cells)
        found += self.middle
        np.exp(np.minimum(found, _LARGEST, out=found), out=found)
        unknown = cells < 0
        return np.where(unknown, errors, found) if unknown.any() else np.asarray(found)

    @property
    def usual_spread(self) -> float:
        """Distance of adjusted log errors from the middle that 8 of 10 keep within."""
        positive = self.errors[self.errors > 0]
        far = np.abs(np.log(positive) - self.middle) if positive.size else np.zeros(1)
        return float(np.quantile(far, 0.8))

    def reference(self, usual: Reference) -> Reference:
        """What the drift test compares adjusted errors with. usual: that of the errors as such."""
        made = Reference.calibrate(self.errors, usual.quantile, ordered=usual.ordered)
        # Single records are judged as they are.
        return replace(made, threshold=usual.threshold, note=usual.note)

    def tensors(self) -> bytes:
        """The bytes of its file."""
        named = {"level": self.level, "stretch": self.stretch, "errors": self.errors}
        return safetensors.torch.save({name: torch.tensor(v) for name, v in named.items()})

    def described(self) -> dict[str, Any]:
        """What bundle.json says of it."""
        return {"kind": self.kind, "middle": self.middle}

    @classmethod
    def read(
        cls,
        document: Mapping[str, Any],
        count: int,
        column: ContextColumn | None,
        path: Path,
        data: bytes,
    ) -> Self:
        """What `tensors` and `described` were called on. count: of calibration errors.

        Raises BundleError.
        """
        tensors = bundle_files.tensors(path, data)
        cells = CELLS if column is None else column.size
        sizes = {"level": cells, "stretch": cells, "errors": count}
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if shapes != {name: (size,) for name, size in sizes.items()}:
            raise bundle_files.damaged(path, "it does not hold the table of a context")
        if any(t.dtype != torch.float64 or not t.isfinite().all() for t in tensors.values()):
            raise bundle_files.damaged(path, "it holds values that are not finite float64")
        level, stretch, errors = (tensors[name].numpy() for name in sizes)
        kind, middle = document["kind"], document["middle"]
        bounded = np.abs(level).max() <= FARTHEST and stretch.min() > 0 and errors.min() >= 0
        kinds = KINDS if column is None else (COLUMN,)
        known = kind in kinds and isinstance(middle, float) and math.isfinite(middle)
        if not (bounded and known):
            raise bundle_files.damaged(path, "its values are not those of a context")
        return cls(kind, level, stretch, middle, errors, column)
