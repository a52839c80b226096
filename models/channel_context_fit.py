"""Learns which channels swing over the day or week or depend on a column, and what is usual of them
at each time or value.

As `context_fit` does for the error, for many channels: in standard deviations instead of
logarithms, and which harmonics help is judged by least squares on values without their tails, for
all channels at once (`channel_shapes.py`). What a channel's level and spread are is then a quantile
regression, of the few that swing. A test for each channel: `DOUBT` is shared.

By the time, a channel that swings in other ways is not watched: each day would fire. By a column it
is judged as it is, for records of all values come together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.channel_context import ChannelContext
from models.channel_sample import Sampled
from models.channel_shapes import settled
from models.context import CELLS, DAY_CELLS
from models.context_column import ContextColumn
from models.context_fit import LEAST_KNOWN, MEDIAN, NEAREST, SPREAD, SURE, WIDEST, named
from models.context_folds import DOUBT, AnyShape, Curve, Folds, centred, curve, jackknife

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Values = NDArray[np.float32]

MOST_ALIKE: Final = 0.1
"""Share of records that one value has, from which on a channel has few values: it has no level
that swings, but values that come more or less often. Readings in steps of half a standard
deviation (0.12) fired when their level was evened out, in steps of a quarter (0.06) not."""
OUTER: Final = 0.1
"""Share of values on each side that are far out."""
TOLD: Final = 5
"""Channels that people are told of, those that swing most."""


@dataclass(frozen=True, eq=False)
class _Table:
    """What is usual of a channel, in standard deviations. level, spread: (1 + folds, cells), first
    of all records, then without each stretch. kind: of a context by it."""

    level: Floats
    spread: Floats
    middle: float
    kind: str

    def adjusted(self, z: Floats, cells: Index, fold: Index | int) -> Floats:
        """Values (n,) as at a usual time. fold: which functions, 0 those of all records."""
        far = z - self.level[fold, cells] - self.middle
        return np.asarray(far * np.exp(-self.spread[fold, cells]) + self.middle)

    def held_out(self, z: Floats, sample: Sampled) -> Floats:
        """Values (n,) as at a usual time, by functions that were fitted without their stretch."""
        folds = next(s.folds for s in sample.stages.each if s.name == self.kind)
        return self.adjusted(z, sample.cells, 1 + folds.fold)


@dataclass(frozen=True, eq=False)
class FittedChannels:
    """What came of C channels.

    watchable: bool (C,); the others swing in ways that a level and a spread do not tell. context:
    of these alone, None if none of them swings. values: of these, (W, n), those that are kept, each
    adjusted by functions that were fitted without its stretch. check: what was found, as JSON.
    """

    watchable: NDArray[np.bool_]
    context: ChannelContext | None
    values: Values
    check: dict[str, Any]


def fit_channels(
    fitted: Sampled,
    kept: Sampled,
    names: Sequence[str],
    column: ContextColumn | None = None,
    own: Sequence[str] = (),
) -> FittedChannels:
    """The context of channels, whether it helps, and what it does not help with.

    fitted: what functions are fitted to, of all times. kept: what the bets are made of. names: of
    the channels. column: that they may depend on, None for the time. own: channels that are the
    column itself, which stay as they are.
    """
    mean, spread = fitted.values.mean(axis=0), np.maximum(fitted.values.std(axis=0), 1e-30)
    usable = np.array([_has_level(each) for each in fitted.values.T])
    usable &= [name not in own for name in names]
    z, kept_z = ((sample.values - mean) / spread for sample in (fitted, kept))
    doubt = DOUBT / max(usable.size, 1)
    found = _tables(z, usable, fitted, doubt, column)
    tables = {c: table for c, (table, about) in found.items() if about["known_to"] <= LEAST_KNOWN}
    values, rest = kept.values.T.astype(np.float32), z.copy()
    for channel, table in tables.items():
        held_out = table.held_out(kept_z[:, channel], kept)
        values[channel] = mean[channel] + spread[channel] * held_out
        rest[:, channel] = table.held_out(z[:, channel], fitted)
    watchable = np.ones(usable.size, dtype=np.bool_)
    if column is None:
        watchable = ~_misshapen(rest, usable, fitted, doubt)
    context = _context(tables, kept.values, mean, spread, column)
    if context is not None:
        context = context.of(watchable.nonzero()[0])
    out = [name for name, watched in zip(names, watchable, strict=True) if not watched]
    told = [{"channel": names[c], **found[c][1]} for c in tables if watchable[c]]
    told.sort(key=lambda each: -max(each["swing"], each["spread"]))
    check = {
        "watched": int(watchable.sum()),
        "swing": len(told),
        "unknown": len(found) - len(tables),
        "most": told[:TOLD],
        "left_out": len(out),
        "first_left_out": out[:TOLD],
    }
    return FittedChannels(watchable, context, values[watchable], check)


def _tables(
    z: Floats,
    usable: NDArray[np.bool_],
    sample: Sampled,
    doubt: float,
    column: ContextColumn | None,
) -> dict[int, tuple[_Table, dict[str, Any]]]:
    """The table of each channel that swings, and what is said of it. usable: those with a level."""
    columns = usable.nonzero()[0].tolist()
    if not columns:
        return {}
    levels = settled(z[:, usable], sample, doubt)
    folds = sample.stages.first.folds
    far = [_distances(z[:, c], sample, folds, s) for c, s in zip(columns, levels, strict=True)]
    spreads = settled(np.stack(far, axis=1), sample, doubt)
    return {
        channel: _fitted(z[:, channel], sample, level, spread, column)
        for channel, level, spread in zip(columns, levels, spreads, strict=True)
        if level is not None or spread is not None
    }


def _misshapen(
    rest: Floats, usable: NDArray[np.bool_], sample: Sampled, doubt: float
) -> NDArray[np.bool_]:
    """Channels that still swing, bool (C,): how often values are far out does, or of those of few
    values how often each comes. rest: (n, C), values as at a usual time."""
    low, high = np.quantile(rest, [OUTER, 1 - OUTER], axis=0)
    below = np.where(usable, rest < low, rest)
    above = np.where(usable, rest > high, rest * rest)
    found = np.zeros(usable.size, dtype=np.bool_)
    for target in (below, above):
        target = target.astype(np.float64)
        target /= np.maximum(target.std(axis=0), 1e-30)
        found |= [shape is not None for shape in settled(target, sample, doubt, tail=0)]
    return found


def _has_level(values: Floats) -> bool:
    """Whether values (n,) are many."""
    counts = np.unique(values, return_counts=True)[1]
    return bool(counts.max() <= MOST_ALIKE * values.size)


def _distances(z: Floats, sample: Sampled, folds: Folds, shape: AnyShape | None) -> Floats:
    """Logarithms of the distances from the held-out median."""
    level = curve(z, sample.cells, folds, MEDIAN, shape)
    return np.log(np.maximum(np.abs(z - level.at(sample.cells, folds.fold)), NEAREST))


def _fitted(
    z: Floats,
    sample: Sampled,
    level: AnyShape | None,
    spread: AnyShape | None,
    column: ContextColumn | None,
) -> tuple[_Table, dict[str, Any]]:
    """The table of a channel of these shapes, of which there is one, and what is said of it."""
    stage, cells = sample.stages.stage(level, spread), sample.cells
    folds = stage.folds
    of_level = curve(z, cells, folds, MEDIAN, level)
    of_spread = curve(_distances(z, sample, folds, level), cells, folds, SPREAD, spread)
    usual = np.bincount(cells, minlength=folds.size) / cells.size
    here = usual > 0
    levels = centred(_all(of_level), usual, math.inf)
    spreads = centred(_all(of_spread), usual, math.log(WIDEST))
    middle = float(np.median(z - levels[0][cells]))
    table = _Table(levels, spreads, middle, stage.name)
    rest = float(table.held_out(z, sample).std()) or 1.0
    kind, shown = stage.name, (levels if level else spreads)[0]
    known = max(_error(levels[1:, here]) / rest, _error(spreads[1:, here]))
    return table, {
        "swing": round(float(np.ptp(levels[0][here])) / rest, 4),
        "spread": round(math.expm1(float(np.ptp(spreads[0][here]))), 4),
        "least": named(int(np.where(here, shown, np.inf).argmin()), kind, column),
        "most": named(int(np.where(here, shown, -np.inf).argmax()), kind, column),
        "known_to": round(SURE * known, 4),
    }


def _error(held_out: Floats) -> float:
    """Root mean square of a function's standard error: where a step of few records is, the largest
    says little of what is left of the swing."""
    return float(np.sqrt(np.square(jackknife(held_out)).mean()))


def _all(of: Curve) -> Floats:
    return np.vstack([of.whole, of.held_out])


def _context(
    tables: dict[int, _Table],
    values: Floats,
    mean: Floats,
    spread: Floats,
    column: ContextColumn | None,
) -> ChannelContext | None:
    """What the bundle keeps. values: (n, C), of the calibration records as they came."""
    if not tables:
        return None
    kept = np.array(sorted(tables), dtype=np.int64)
    here = [tables[c] for c in kept.tolist()]
    kinds = {table.kind for table in here}
    cells = CELLS if "week" in kinds else DAY_CELLS
    if column is not None:
        cells = column.size
    gain = np.stack([np.exp(-table.spread[0, :cells]) for table in here], axis=1)
    level = np.stack([table.level[0, :cells] for table in here], axis=1)
    middle = np.array([table.middle for table in here])
    # m + s ((v - m) / s * gain + middle - (level + middle) * gain)
    shift = mean[kept] * (1 - gain) + spread[kept] * (middle - (level + middle) * gain)
    own = values[:, kept]
    usual = np.stack([own.mean(axis=0), np.maximum(own.std(axis=0), 1e-30)], axis=1)
    tables_of = gain.astype(np.float32), shift.astype(np.float32)
    return ChannelContext(kept, *tables_of, usual, column)
