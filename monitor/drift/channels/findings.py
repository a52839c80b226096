"""What is found of a channel: which way it moved, how far, and since when; and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.channels import Channels
from models.views import View
from monitor.drift.blocks import Position
from monitor.drift.channels.history import Moments
from monitor.drift.detectors.alternatives import Alternative
from monitor.stream.json_values import isoformat
from monitor.stream.records import ChannelDrift, Estimate, Shares

ERROR: Final = "error"
INPUT: Final = "input"
"""The kinds of drift: the model no longer fits; or the inputs have moved, and it still fits."""
WORSE: Final = (INPUT, ERROR)
"""What was told, and what is found now, that must be told at once."""
STILL: Final = "stuck"
"""The direction of what no longer moves."""
STUCK: Final = 0.02
"""Spread, in standard deviations of the calibration, below which a channel is stuck."""
SPREADS: Final = ("narrowing", "widening")
REPEATS: Final = "repeats"
SHOWN: Final = 10
"""Channels that are named at most."""
SAID: Final = 3
"""Features that a sentence names at most."""
LEADS: Final = 6.0
"""Evidence, log10, of what has certainly moved."""
SEEN: Final = ("input", "picture", "cell", "series")
"""Groups of what came, which a person can look at; others are what the model makes of it."""
FIVE: Final = 5
FOLLOWING: Final = (2, 4)
"""Of five features that are named, the places of those of which no input has moved."""
_Z: Final = 1.96

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual for channels, and beside them for the values as they came of A channels that
    are judged by the hour.

    mean, spread: (C + A,), spread 1 where all values are alike. constant: (C,). units: of their
    features, (C, 2). as_came: (C,), where each channel's values as they came are among the C + A.
    """

    views: tuple[View, ...]
    mean: Floats
    spread: Floats
    constant: NDArray[np.bool_]
    units: Floats
    as_came: Index

    @classmethod
    def of(cls, channels: Channels) -> Self:
        """Of the calibration values."""
        wide = channels.values.astype(np.float64)
        mean, spread = wide.mean(axis=1), wide.std(axis=1)
        constant = spread <= 1e-6 * np.maximum(np.abs(mean), 1.0)
        spread, as_came = np.where(constant, 1.0, spread), np.arange(mean.size)
        if channels.context is not None:
            kept, usual = channels.context.kept, channels.context.usual
            as_came[kept] = mean.size + np.arange(kept.size)
            mean = np.concatenate([mean, usual[:, 0]])
            spread = np.concatenate([spread, usual[:, 1]])
        return cls(channels.each, mean, spread, constant, channels.units, as_came)

    def value(self, channel: int, deviation: float, *, as_came: bool = False) -> float:
        """So many standard deviations from the mean, in the unit of the feature.

        as_came: of the values as they came.
        """
        offset, scale = self.units[channel].tolist()
        place = self.as_came[channel] if as_came else channel
        here = float(self.mean[place] + deviation * self.spread[place])
        return float(offset + scale * here)

    def shares(self, channel: int, edges: NDArray[np.float32], usual: Index, now: Index) -> Shares:
        """Calibration values and rows now in bins that end at `edges`; counts of both, (K,)."""
        offset, scale = self.units[channel].tolist()
        return Shares(
            tuple((offset + scale * edges.astype(np.float64)).tolist()),
            tuple((usual / max(int(usual.sum()), 1)).tolist()),
            tuple((now / max(int(now.sum()), 1)).tolist()),
        )


def drift(
    usual: Usual, channel: int, alternative: Alternative, moments: Moments,
    as_came: Moments, onset: Position | None, won: float, inflation: float, shares: Shares,
) -> ChannelDrift:  # fmt: skip
    """The drift of a channel.

    alternative: of the bet that has won most. moments, shares: of the rows since the onset.
    as_came: of their values as they came, after the block of the onset. won: its own evidence.
    inflation: of the variance of a mean, by dependence.
    """
    view = usual.views[channel]
    error = _Z * moments.spread * math.sqrt(inflation / moments.rows)
    direction = _direction(usual, channel, alternative, moments, as_came)
    value = usual.value(channel, moments.mean)
    if direction == STILL:
        value = usual.value(channel, as_came.mean, as_came=True)
    return ChannelDrift(
        channel=view.name,
        group=view.group,
        feature=view.feature,
        direction=direction,
        effect=Estimate(moments.mean, moments.mean - error, moments.mean + error),
        spread=moments.spread,
        value=value,
        usual=usual.value(channel, 0.0),
        usual_spread=float(usual.spread[channel] * usual.units[channel, 1]),
        evidence=math.log10(max(won, 1e-300)),
        since=0 if onset is None else onset.timestamp,
        shares=shares,
    )


def _direction(
    usual: Usual, channel: int, alternative: Alternative, moments: Moments, as_came: Moments
) -> str:
    # What is stuck and judged by the hour moves as the hours do, the other way.
    if as_came.spread < STUCK and not usual.constant[channel]:
        return STILL
    if alternative.kind in SPREADS:
        return alternative.direction
    if alternative.kind == REPEATS:
        return "narrower" if alternative.upward else "wider"
    return "higher" if moments.mean > 0 else "lower"


def ranked(found: Sequence[tuple[View, float]]) -> list[int]:
    """In which order to name channels: numbers of them.

    found: channels and their evidence, log10, the surest first. Channels of one feature stay
    together. Features whose input, and pictures of which a part, has certainly moved lead, since
    residuals and codes often follow from that; so that these are not lost, of five features two
    may be such.
    """
    features = [view.feature or view.name for view, _ in found]
    together: dict[str, list[int]] = {}
    for number, feature in enumerate(features):
        together.setdefault(feature, []).append(number)
    moved = {
        feature for feature, (view, won) in zip(features, found, strict=True)
        if view.group in SEEN and won >= LEADS
    }  # fmt: skip
    leading = [numbers for feature, numbers in together.items() if feature in moved]
    others = [numbers for feature, numbers in together.items() if feature not in moved]
    order: list[int] = []
    for place in range(len(together)):
        turn = place % FIVE not in FOLLOWING
        order += (leading if (turn and leading) or not others else others).pop(0)
    return order


def joined(
    told: Sequence[ChannelDrift], found: Sequence[ChannelDrift], most: int = SHOWN
) -> tuple[ChannelDrift, ...]:
    """What was told of a drift, as it is known now, and what has been found since."""
    known = {each.channel: each for each in told}
    for each in found:
        before = known.get(each.channel, each)
        known[each.channel] = replace(each, evidence=max(each.evidence, before.evidence))
    surest = sorted(known.values(), key=lambda each: -each.evidence)
    views = [View(each.channel, each.group, each.feature) for each in surest]
    order = ranked([(view, each.evidence) for view, each in zip(views, surest, strict=True)])
    return tuple(surest[i] for i in order)[:most]


def words(found: Sequence[ChannelDrift]) -> str:
    """Channels in words, each feature once."""
    told: dict[str, ChannelDrift] = {}
    for each in found:
        name = each.feature or each.channel
        # What a stuck sensor does to its residual says less than that it is stuck.
        if name not in told or (_is_stuck(each) and not _is_stuck(told[name])):
            told[name] = each
    said = [f"{_clause(each)} since {time_words(each.since)}" for each in told.values()]
    return "; ".join(said[:SAID]) + (f"; and {len(said) - SAID} more" if len(said) > SAID else "")


def time_words(milliseconds: int) -> str:
    """As people read it; a wild one as it is."""
    moment = isoformat(milliseconds)
    return f"{moment[:19].replace('T', ' ')} UTC" if "T" in moment else moment


def _is_stuck(each: ChannelDrift) -> bool:
    return each.direction == STILL and each.group in SEEN


def _number(each: ChannelDrift) -> str:
    """Its value, as exactly as it is known: to a hundredth of its usual spread."""
    decimals = max(0, 1 - math.floor(math.log10(max(each.usual_spread, 1e-12))))
    return f"{round(each.value, decimals) + 0.0:.12g}"  # not -0


def _clause(each: ChannelDrift) -> str:
    name = f"`{each.feature or each.channel}`"
    against = " than the model expects" if each.group == "residual" else ""
    if each.direction == STILL:
        if _is_stuck(each):
            return f"{name} is stuck at {_number(each)}"
        return f"{name} hardly moves" + (" against what the model expects" if against else "")
    if each.direction == "narrower":
        return f"{name} moves less{against or ' than usual'}"
    if each.direction == "wider":
        return f"{name} moves more{against or ' than usual'}"
    low, high = sorted((abs(each.effect.low), abs(each.effect.high)))
    crossing = each.effect.low < 0 < each.effect.high
    interval = "" if crossing else f" ({low:.2g} to {high:.2g})"
    size = f"{abs(each.effect.value):.2g}{interval} standard deviations"
    return f"{name} is {size} {each.direction}{against}"
