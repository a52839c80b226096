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


@dataclass(frozen=True, eq=False)
class LearnedChannels:
    """Channels, and what came of asking for a context.

    channels: None if there are none. check: of `fit_channels`, or None if nobody asked, or
    calibration is of too few days. values, moments: (n, C) as they came, and (n,), to be drawn.
    """

    channels: Channels | None = None
    check: Mapping[str, Any] | None = None
    values: Floats | None = None
    moments: NDArray[np.int64] | None = None

    @property
    def by_hour(self) -> tuple[Channels, Floats, NDArray[np.int64]] | None:
        """Channels that have a context, with what is drawn of them; None if there are none."""
        channels, values, moments = self.channels, self.values, self.moments
        if channels is None or channels.context is None or values is None or moments is None:
            return None
        return channels, values, moments


NO_CHANNELS = LearnedChannels()


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
) -> LearnedChannels:
    """The channels of a trained model, with the context of those that swing.

    training, held_out: records that trained it, and that calibrate it. moments: of the latter.
    asked: as of the error; of channels, only what helps is kept.
    """
    metric, ordered = settings.error_metric, settings.ordered
    channels = Channels.calibrate(model, spec, metric, training, held_out, ordered=ordered)
    if channels is None or moments is None or not asked:
        return LearnedChannels(channels)
    count, views = len(held_out), channels.views
    engine = engine_for(model, spec, metric, views=views)

    def values(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return engine.with_views(held_out[rows])[1].T[channels.kept]

    # Functions need records of all times; how neighbours depend on each other, of some stretches.
    spread = kept_rows(count, len(views.all), ordered=False)
    rows = kept_rows(count, len(views.all), ordered=ordered)
    samples = sampled(moments, asked != "hour", (values(spread), spread), (channels.values, rows))
    if not samples:
        return LearnedChannels(channels)
    fitted, kept = samples
    found = fit_channels(fitted, kept, [view.name for view in channels.each])
    if not found.watchable.any():
        return LearnedChannels(None, found.check)
    left = replace(
        channels,
        kept=channels.kept[found.watchable],
        values=found.values,
        context=found.context,
    )
    return LearnedChannels(left, found.check, fitted.values[:, found.watchable], fitted.moments)


def described(learned: LearnedContext, watched: LearnedChannels) -> dict[str, Any]:
    """What the bundle's metadata say: nothing if nobody asked."""
    if learned.check is None:
        return {}
    of_channels = {} if watched.check is None else {"channels": dict(watched.check)}
    return {"context": {**learned.check, **of_channels}}
