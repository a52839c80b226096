"""A context as part of a training: refused before the work if it cannot be, learned after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.autoencoder import Autoencoder
from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.channels import Channels, kept_rows
from models.context import Context
from models.context_fit import ASKED, AUTO, fit_context, lacking
from models.description import Description
from models.engines import engine_for
from models.errors import CalibrationError, TrainingError
from models.input_spec import InputSpec
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


def channels_learned(
    model: Autoencoder,
    spec: InputSpec,
    settings: TrainingSettings,
    training: NDArray[Any],
    held_out: NDArray[Any],
    moments: NDArray[np.int64] | None,
    asked: str,
) -> tuple[Channels | None, dict[str, Any] | None]:
    """The channels of a trained model, with the context of those that swing; and what was found of
    that, None if nobody asked, or calibration is of too few days.

    training, held_out: records that trained it, and that calibrate it. moments: of the latter.
    asked: as of the error; of channels, only what helps is kept.
    """
    metric, ordered = settings.error_metric, settings.ordered
    channels = Channels.calibrate(model, spec, metric, training, held_out, ordered=ordered)
    if channels is None or moments is None or not asked:
        return channels, None
    count, views = len(held_out), channels.views
    engine = engine_for(model, spec, metric, views=views)

    def values(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return engine.with_views(held_out[rows])[1].T[channels.kept]

    # Functions need records of all times; how neighbours depend on each other, of some stretches.
    spread = kept_rows(count, len(views.all), ordered=False)
    rows = kept_rows(count, len(views.all), ordered=ordered)
    samples = sampled(moments, asked != "hour", (values(spread), spread), (channels.values, rows))
    if not samples:
        return channels, None
    fitted, kept = samples
    found = fit_channels(fitted, kept, [view.name for view in channels.each])
    if not found.watchable.any():
        return None, found.check
    left = channels.kept[found.watchable]
    return replace(channels, kept=left, values=found.values, context=found.context), found.check


def described(learned: LearnedContext, channels: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the bundle's metadata say: nothing if nobody asked."""
    if learned.check is None:
        return {}
    return {"context": {**learned.check, **({} if channels is None else {"channels": channels})}}
