"""How the judge's numbers read: ratios to the reference, quantiles in the model's units, words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.distribution import ErrorDistribution, bucket_index
from models.reference import Reference
from monitor.drift.channels.findings import INPUT
from monitor.drift.channels.findings import words as channel_words
from monitor.drift.detectors.alternatives import COLLAPSED
from monitor.drift.detectors.evidence import Finding
from monitor.drift.episodes import Recovery, State
from monitor.drift.quantiles import quantiles_of
from monitor.stream.records import UNKNOWN, Estimate

Floats = NDArray[np.float64]

TAIL_LEVEL: Final = 0.99
"""Reference quantile above which the window's rows are counted."""
SPREAD_LEVELS: Final = (0.1, 0.9)
"""Quantiles that tell whether errors scatter more or less."""
_MOVES: Final = {
    (1, 1): ("larger", "errors are larger: hardly any are as small as usual"),
    (-1, -1): ("smaller", "errors are smaller: hardly any are as large as usual"),
}
_SPREADS: Final = {
    (-1, 1): ("wider", "errors scatter more: some are larger and some smaller than usual"),
    (1, -1): ("narrower", "errors have gathered around the middle: stuck input?"),
}
_SIZED: Final = "errors are about "
_TENSES: Final = {"errors are ": "errors were ", "errors have collapsed": "errors had collapsed"}
_USUAL: Final = 1.1
"""Median error, of the reference's, below which it is no larger than usual if 1 is possible."""


class Look(NamedTuple):
    """What is shown of errors.

    finding: what drifts, as `described`. ratio: median over the reference's, with its interval;
    nan if the latter is 0. exceedance: share of rows above the reference's TAIL_LEVEL quantile;
    nan when there are none. quantiles: rolling, in the model's units.
    """

    finding: Finding
    ratio: Estimate
    exceedance: float
    quantiles: dict[float, Estimate]


class ErrorStatistics:
    """Looks at distributions, which are in units of the reference, for people and programs.

    levels: the rolling quantiles to show. tolerance: relative change that is none.
    """

    def __init__(self, reference: Reference, levels: Sequence[float], tolerance: float) -> None:
        self._unit = reference.unit
        self._median = float(reference.quantiles([0.5])[0]) / reference.unit
        tail = float(reference.quantiles([TAIL_LEVEL])[0]) / reference.unit
        self._above_tail = int(bucket_index(tail)) + 1
        self._spread = (reference.quantiles(SPREAD_LEVELS) / reference.unit).tolist()
        self._tolerated = 1 + tolerance
        self._levels = tuple(levels)

    def look(
        self,
        finding: Finding,
        window: ErrorDistribution,
        records: int,
        drifted: ErrorDistribution,
        *,
        told: bool = False,
    ) -> Look:
        """What is shown of the window's errors, so many, and of those since a drift's onset.

        told: the finding was told as it is, and stays so.
        """
        needed = (0.5,) if finding.direction == "none" else (0.5, *SPREAD_LEVELS)
        if drifted is window:
            both = quantiles_of(window, (*self._levels, *needed))
            shown, found = both[: len(self._levels)], both[len(self._levels) :]
        else:
            shown, found = quantiles_of(window, self._levels), quantiles_of(drifted, needed)
        above = int(window.counts[self._above_tail :].sum())
        quantiles = (Estimate(*row) for row in (shown * self._unit).tolist())
        return Look(
            finding=finding if told else self._described(finding, found, drifted),
            ratio=Estimate(*(found[0] / self._median).tolist()) if self._median else UNKNOWN,
            exceedance=above / records if records else math.nan,
            quantiles=dict(zip(self._levels, quantiles, strict=True)),
        )

    def described(self, finding: Finding, errors: ErrorDistribution) -> Finding:
        """The finding in the measured size of the errors that drifted.

        Called wider or narrower if both ends of the errors say so with 95%.
        """
        return self._described(finding, quantiles_of(errors, (0.5, *SPREAD_LEVELS)), errors)

    def _described(self, finding: Finding, quantiles: Floats, errors: ErrorDistribution) -> Finding:
        """quantiles: of the errors, the median and at SPREAD_LEVELS. Without a direction nobody
        reads the latter.
        """
        if finding.direction == "none" or finding.kind == INPUT:
            return finding
        moves = tuple(map(self._move, quantiles[1:].tolist(), self._spread))
        if finding.direction == "narrower" and moves in _MOVES:
            direction, words = _MOVES[moves]
            return replace(finding, direction=direction, words=words)
        if moves not in _SPREADS:
            return replace(finding, words=self._measured(finding, quantiles[0], errors))
        direction, words = _SPREADS[moves]
        return replace(finding, direction=direction, words=words)

    def _measured(self, finding: Finding, median: Floats, errors: ErrorDistribution) -> str:
        """The finding's words, with what was measured in place of the size of the bet."""
        upward = finding.direction == "larger"
        if finding.change == "contamination" and upward and errors.total:
            share = int(errors.counts[self._above_tail :].sum()) / errors.total
            if share > 1 - TAIL_LEVEL:
                known = f"{100 * share:.2g}" if share < 0.1 else f"{100 * share:.0f}"
                worst = f"the worst {1 - TAIL_LEVEL:.0%} usually are"
                return f"{known}% of records are as bad as {worst}"
        if finding.change != "scale" or not self._median or finding.words == COLLAPSED:
            return finding.words
        value, low, high = (median / self._median).tolist()
        if low > 1 and upward:
            return f"{_SIZED}{_two_digits(value)} times larger"
        if high < 1 and not upward and value > 0:
            return f"{_SIZED}{_two_digits(1 / value)} times smaller"
        return f"errors are {finding.direction}"

    def _move(self, quantile: Sequence[float], expected: float) -> int:
        """1 if a quantile is surely above what is tolerated, -1 if surely below, else 0."""
        _, low, high = quantile
        return int(low > expected * self._tolerated) - int(high < expected / self._tolerated)

    def explain(
        self,
        state: State,
        event: str,
        finding: Finding,
        ratio: Estimate,
        progress: float,
        recovery: Recovery | None = None,
    ) -> str:
        """The verdict in a sentence."""
        moved = f": {channel_words(finding.channels)}" if finding.channels else ""
        where = f" in {finding.partition}" if finding.partition else ""
        if state in (State.FIRING, State.PENDING) and _is_back(finding, ratio):
            words, median = _past(finding.words), moved + _ratio_words(ratio, "is now")
        else:
            words, median = finding.words, moved + _ratio_words(ratio)
        if state is State.FIRING:
            return f"{words}{where}{median}{_recovery_words(recovery)}"
        if state is State.PENDING:
            return f"suspected: {words}{where}{median}"
        if event == "transient":
            return f"not confirmed, it was passing: {finding.words}{where}"
        if event == "resolved":
            return f"over: {finding.words}{where}{moved}"
        if state is State.LEARNING:
            return f"learning how far records depend on each other ({progress:.0%}){median}"
        return f"no drift{median}"


def _is_back(finding: Finding, ratio: Estimate) -> bool:
    """Whether the median error is not any more on the side that the finding's words put it on."""
    if not finding.words.startswith(_SIZED) and finding.words != COLLAPSED:
        return False
    if finding.direction == "larger":
        return ratio.low <= 1 and ratio.value < _USUAL
    return finding.direction == "smaller" and ratio.high >= 1 and ratio.value > 1 / _USUAL


def _past(words: str) -> str:
    for now, before in _TENSES.items():
        words = words.replace(now, before, 1)
    return words


def _recovery_words(recovery: Recovery | None) -> str:
    if recovery is None:
        return ""
    left = [
        *([f"{recovery.rows_left:,} records"] if recovery.rows_left else []),
        *([f"{recovery.seconds_left:,} seconds"] if recovery.seconds_left else []),
    ]
    rest = f"resolved after {' and '.join(left)} more" if left else "resolved soon"
    return f"; recovering: not found again for {recovery.rows:,} records, {rest} without it"


def _ratio_words(ratio: Estimate, being: str = "is") -> str:
    if not math.isfinite(ratio.value):
        return ""
    low, high = f"{ratio.low:,.2f}", f"{ratio.high:,.2f}"
    known = math.isfinite(ratio.low) and math.isfinite(ratio.high) and low != high
    interval = f" ({low} to {high})" if known else ""
    return f"; the median error {being} {ratio.value:,.2f}{interval} times the reference's"


def _two_digits(value: float) -> str:
    """A factor of 1 or more, to two digits: 1.3, 14, 5,600."""
    return f"{float(f'{value:.2g}'):,.{1 if value < 9.95 else 0}f}"
