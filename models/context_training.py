"""A context as part of a training: refused before the work if it cannot be, learned after it.

By the time, the records' moments tell where each of them is in the context; by a column, what they
hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.autoencoder import Autoencoder
from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.channels import Channels, kept_rows
from models.context import Context
from models.context_column import PREFIX, ContextColumn
from models.context_fit import ASKED, fit_context
from models.context_stages import AUTO, lacking
from models.description import Description
from models.engines import engine_for
from models.errors import CalibrationError, TrainingError
from models.input_spec import InputSpec
from models.precision import FLOAT32
from models.settings import TrainingSettings
from models.splits import Split

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
At = Index | Floats

_SOME: Final = 1000
"""Training records that tell how records are laid out."""


@dataclass(frozen=True, eq=False)
class LearnedContext:
    """What came of asking for a context.

    context: None if there is none. check: of `fit_context`, or None if nobody asked. errors, at:
    of the calibration records, to be drawn; at: see `context.places`.
    """

    context: Context | None = None
    check: Mapping[str, Any] | None = None
    errors: Floats | None = None
    at: At | None = None


NOTHING = LearnedContext()


@dataclass(frozen=True, eq=False)
class LearnedChannels:
    """Channels, and what came of asking for a context.

    channels: None if there are none. check: of `fit_channels`, or None if nobody asked, or
    calibration is of too few days. values, at: (n, C) as they came, and (n,), to be drawn.
    """

    channels: Channels | None = None
    check: Mapping[str, Any] | None = None
    values: Floats | None = None
    at: At | None = None

    @property
    def drawn(self) -> tuple[Channels, Floats, At] | None:
        """Channels that have a context, with what is drawn of them; None if there are none."""
        channels, values, at = self.channels, self.values, self.at
        if channels is None or channels.context is None or values is None or at is None:
            return None
        return channels, values, at


NO_CHANNELS = LearnedChannels()


@dataclass(frozen=True, eq=False)
class Asked:
    """A context that is asked for, and where the calibration records are in it.

    text: as it was asked for. at: (n,), see `context.places`. column: None if it is by the time.
    """

    text: str
    at: At
    column: ContextColumn | None = None


def asked(
    described: Description, spec: InputSpec, held_out: NDArray[Any], rows: Index
) -> Asked | None:
    """What is asked for; None for nothing. held_out: records that calibrate, and their rows.

    Raises TrainingError for a column that there is not.
    """
    text = described.context
    if text.startswith(PREFIX):
        try:
            column = ContextColumn.learned(text.removeprefix(PREFIX), spec, held_out)
        except ValueError as error:
            raise TrainingError(f"context {text!r:.80}: {error}.") from None
        return Asked(text, column.of(held_out), column)
    if not text or described.moments is None:
        return None
    return Asked(text, described.moments[rows])


def check(
    described: Description, parts: Split, settings: TrainingSettings, records: NDArray[Any]
) -> None:
    """Raise TrainingError or CalibrationError if a context is asked for that there cannot be."""
    asked, moments = described.context, described.moments
    if not asked:
        return
    by_column = asked.startswith(PREFIX)
    if asked not in ASKED and not by_column:
        raise TrainingError(
            f"context must be one of {', '.join(ASKED)} or {PREFIX}NAME, got {asked!r:.80}."
        )
    if settings.precision != FLOAT32:
        raise TrainingError(
            f"a context is of errors in {FLOAT32}: leave out --context, or --precision"
            f" {settings.precision}."
        )
    if by_column:
        some = records[parts.training[:_SOME]]
        spec = InputSpec.fit(some, described.schema, None, described.layout, described.window)
        _check_column(described, spec, records, parts.calibration)
        return
    count = len(records)
    if moments is None or len(moments) != count or (count and moments.min() < 0):
        raise TrainingError("a context needs the time of every record, of 1970 or later.")
    missing = lacking(moments[parts.calibration], asked)
    if missing and asked != AUTO:
        raise CalibrationError(
            f"a context by the {asked} needs {missing}. Give records of a longer time, a larger"
            " calibration fraction, or leave out --ordered."
        )


def _check_column(
    described: Description, spec: InputSpec, records: NDArray[Any], rows: Index
) -> None:
    found = asked(described, spec, records[rows], rows)
    missing = "" if found is None else lacking(found.at, found.text, found.column)
    if missing:
        raise CalibrationError(
            f"a context by a column needs {missing}. Give more records, or a larger calibration"
            " fraction."
        )


def learned(errors: Floats, asked: Asked | None) -> LearnedContext:
    """The context of calibration errors (n,), if it is asked for. Raises CalibrationError."""
    if asked is None:
        return NOTHING
    context, check = fit_context(errors, asked.at, asked.text, asked.column)
    return LearnedContext(context, check, errors, asked.at)


def channels_learned(
    model: Autoencoder,
    spec: InputSpec,
    settings: TrainingSettings,
    training: NDArray[Any],
    held_out: NDArray[Any],
    asked: Asked | None,
) -> LearnedChannels:
    """The channels of a trained model, with the context of those that swing.

    training, held_out: records that trained it, and that calibrate it. asked: as of the error; of
    channels, only what helps is kept.
    """
    metric, ordered = settings.error_metric, settings.ordered
    channels = Channels.calibrate(model, spec, metric, training, held_out, ordered=ordered)
    if channels is None or asked is None:
        return LearnedChannels(channels)
    count, views = len(held_out), channels.views
    engine = engine_for(model, spec, metric, views=views)

    def values(rows: Index) -> NDArray[np.float32]:
        return engine.with_views(held_out[rows])[1].T[channels.kept]

    # Functions need records of all times; how neighbours depend on each other, of some stretches.
    spread = kept_rows(count, len(views.all), ordered=False)
    rows = kept_rows(count, len(views.all), ordered=ordered)
    parts = (values(spread), spread), (channels.values, rows)
    column = asked.column
    samples = sampled(asked.at, asked.text != "hour", *parts, column=column)
    if not samples:
        return LearnedChannels(channels)
    fitted, kept = samples
    # What tells of the column alone would stand still if that explained it.
    own = () if column is None else column.feature.columns
    plain = [v.name for v in channels.each if v.group in ("input", "series") and v.name in own]
    names = [view.name for view in channels.each]
    found = fit_channels(fitted, kept, names, column, plain)
    if not found.watchable.any():
        return LearnedChannels(None, found.check)
    left = replace(
        channels,
        kept=channels.kept[found.watchable],
        values=found.values,
        context=found.context,
    )
    return LearnedChannels(left, found.check, fitted.values[:, found.watchable], fitted.at)


def described(learned: LearnedContext, watched: LearnedChannels) -> dict[str, Any]:
    """What the bundle's metadata say: nothing if nobody asked."""
    if learned.check is None:
        return {}
    of_channels = {} if watched.check is None else {"channels": dict(watched.check)}
    return {"context": _printable({**learned.check, **of_channels})}


def _printable(value: Any) -> Any:
    """JSON values without characters that cannot be shown, which names of columns may hold."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else "?" for c in value)
    if isinstance(value, Mapping):
        return {key: _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list) else value
