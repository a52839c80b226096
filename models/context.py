"""Context: how large and how scattered errors usually are at each time of the day or week.

    log e' = (log e - level(t) - middle) * stretch(t) + middle

A table over the week, in steps of five minutes (UTC), of two smooth functions that were fitted to
calibration errors (`context_fit.py`). Adjusted errors are in the model's units and have the size
of usual ones; the drift test judges them in place of the errors. Cost: 30 ns an error in batches
of 2,000.
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
_MONDAY: Final = 4 * 86_400_000
"""The epoch began on a Thursday."""
FARTHEST: Final = 10.0
"""Largest level, in logarithms: a factor of 22,000."""
_LARGEST: Final = 690.0
"""Logarithm of the largest adjusted error: 1e299."""


def cells_of(moments: Index) -> Index:
    """The step of the week of each moment, milliseconds since the epoch; 0 is Monday, 00:00 UTC."""
    return np.asarray((moments - _MONDAY) // STEP % CELLS)


@dataclass(frozen=True, eq=False)
class Context:
    """What is usual at each time of the week.

    kind: one of KINDS. level: (CELLS,), logarithm of the usual error over the middle. stretch:
    (CELLS,), usual spread over that at this time. middle: logarithm of the usual error. errors:
    (n,), the calibration errors, each adjusted by functions that were fitted without it, in stream
    order if that is known.
    """

    kind: str
    level: Floats
    stretch: Floats
    middle: float
    errors: Floats

    def adjusted(self, errors: Floats, moments: Index) -> Floats:
        """Errors (n,) as they would be at a usual time.

        moments: of each, in milliseconds since the epoch; where below 0, errors stay as they are.
        """
        cells = cells_of(moments)
        with np.errstate(divide="ignore"):
            found = np.log(errors)  # -inf of 0 stays 0
        found -= self.level.take(cells)
        found -= self.middle
        found *= self.stretch.take(cells)
        found += self.middle
        np.exp(np.minimum(found, _LARGEST, out=found), out=found)
        unknown = moments < 0
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
    def read(cls, document: Mapping[str, Any], count: int, path: Path, data: bytes) -> Self:
        """What `tensors` and `described` were called on. count: of calibration errors.

        Raises BundleError.
        """
        tensors = bundle_files.tensors(path, data)
        sizes = {"level": CELLS, "stretch": CELLS, "errors": count}
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if shapes != {name: (size,) for name, size in sizes.items()}:
            raise bundle_files.damaged(path, "it does not hold the table of a context")
        if any(t.dtype != torch.float64 or not t.isfinite().all() for t in tensors.values()):
            raise bundle_files.damaged(path, "it holds values that are not finite float64")
        level, stretch, errors = (tensors[name].numpy() for name in sizes)
        kind, middle = document["kind"], document["middle"]
        bounded = np.abs(level).max() <= FARTHEST and stretch.min() > 0 and errors.min() >= 0
        known = kind in KINDS and isinstance(middle, float) and math.isfinite(middle)
        if not (bounded and known):
            raise bundle_files.damaged(path, "its values are not those of a context")
        return cls(kind, level, stretch, middle, errors)
