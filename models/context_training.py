"""A context as part of a training: refused before the work if it cannot be, learned after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.context import Context
from models.context_fit import ASKED, AUTO, fit_context, lacking
from models.description import Description
from models.errors import CalibrationError, TrainingError
from models.precision import FLOAT32
from models.settings import TrainingSettings
from models.splits import Split

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearnedContext:
    """What came of asking for a context.

    context: None if there is none. check: of `fit_context`, or None if nobody asked. errors,
    moments: of the calibration records, to be drawn.
    """

    context: Context | None = None
    check: Mapping[str, Any] | None = None
    errors: Floats | None = None
    moments: NDArray[np.int64] | None = None


NOTHING = LearnedContext()


def check(described: Description, parts: Split, settings: TrainingSettings, records: int) -> None:
    """Raise TrainingError or CalibrationError if a context is asked for that there cannot be."""
    asked, moments = described.context, described.moments
    if not asked:
        return
    if asked not in ASKED:
        raise TrainingError(f"context must be one of {', '.join(ASKED)}, got {asked!r:.80}.")
    if settings.precision != FLOAT32:
        raise TrainingError(
            f"a context is of errors in {FLOAT32}: leave out --context, or --precision"
            f" {settings.precision}."
        )
    if moments is None or len(moments) != records or (records and moments.min() < 0):
        raise TrainingError("a context needs the time of every record, of 1970 or later.")
    missing = lacking(moments[parts.calibration], asked)
    if missing and asked != AUTO:
        raise CalibrationError(
            f"a context by the {asked} needs {missing}. Give records of a longer time, a larger"
            " calibration fraction, or leave out --ordered."
        )


def learned(errors: Floats, parts: Split, described: Description) -> LearnedContext:
    """The context of calibration errors (n,), if it is asked for. Raises CalibrationError."""
    if not described.context or described.moments is None:
        return NOTHING
    moments = described.moments[parts.calibration]
    context, check = fit_context(errors, moments, described.context)
    return LearnedContext(context, check, errors, moments)
