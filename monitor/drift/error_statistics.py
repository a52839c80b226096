"""How the judge's numbers read: ratios to the reference, quantiles in the model's units, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.drift.detectors.evidence import Finding
from monitor.drift.episodes import State
from monitor.drift.window import quantile_of
from monitor.stream.records import Estimate

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


class ErrorStatistics:
    """Looks at distributions, which are in units of the reference, for people and programs.

    levels: the rolling quantiles to show. tolerance: relative change that is none.
    """

    def __init__(self, reference: Reference, levels: Sequence[float], tolerance: float) -> None:
        self._unit = reference.unit
        self._median = float(reference.quantiles([0.5])[0]) / reference.unit
        self._tail = float(reference.quantiles([TAIL_LEVEL])[0]) / reference.unit
        self._spread = reference.quantiles(SPREAD_LEVELS) / reference.unit
        self._tolerated = 1 + tolerance
        self._levels = tuple(levels)

    def ratio(self, errors: ErrorDistribution) -> Estimate:
        """Median error over the reference's, with its interval; nan if the latter is 0."""
        median = quantile_of(errors, 0.5)
        if self._median == 0:
            return Estimate(np.nan, np.nan, np.nan)
        return Estimate(*(v / self._median for v in (median.value, median.low, median.high)))

    def quantiles(self, errors: ErrorDistribution) -> dict[float, Estimate]:
        """Rolling quantiles of the reconstruction error, in the model's units."""
        found = {level: quantile_of(errors, level) for level in self._levels}
        return {
            level: Estimate(q.value * self._unit, q.low * self._unit, q.high * self._unit)
            for level, q in found.items()
        }

    def described(self, finding: Finding, errors: ErrorDistribution) -> Finding:
        """The finding, called wider or narrower if both ends of the errors say so with 95%."""
        moves = tuple(
            self._move(quantile_of(errors, level), float(expected))
            for level, expected in zip(SPREAD_LEVELS, self._spread, strict=True)
        )
        if finding.direction == "narrower" and moves in _MOVES:
            direction, words = _MOVES[moves]
            return replace(finding, direction=direction, words=words)
        if finding.direction == "none" or moves not in _SPREADS:
            return finding
        direction, words = _SPREADS[moves]
        return replace(finding, direction=direction, words=words)

    def _move(self, quantile: Estimate, expected: float) -> int:
        """1 if a quantile is surely above what is tolerated, -1 if surely below, else 0."""
        above = quantile.low > expected * self._tolerated
        return int(above) - int(quantile.high < expected / self._tolerated)

    def exceedance(self, errors: ErrorDistribution) -> float:
        """Share of rows above the reference's TAIL_LEVEL quantile; nan when there are none."""
        return errors.count_above(self._tail) / errors.total if errors.total else float("nan")

    def explain(
        self, state: State, event: str, finding: Finding, ratio: Estimate, progress: float
    ) -> str:
        """The verdict in a sentence."""
        median = _ratio_words(ratio)
        where = f" in {finding.partition}" if finding.partition else ""
        if state is State.FIRING:
            return f"{finding.words}{where}{median}"
        if state is State.PENDING:
            return f"suspected: {finding.words}{where}{median}"
        if event == "transient":
            return f"not confirmed, it was passing: {finding.words}{where}"
        if event == "resolved":
            return f"over: {finding.words}{where}"
        if state is State.LEARNING:
            return f"learning how far records depend on each other ({progress:.0%}){median}"
        return f"no drift{median}"


def _ratio_words(ratio: Estimate) -> str:
    if not np.isfinite(ratio.value):
        return ""
    interval = ""
    if np.isfinite(ratio.low) and np.isfinite(ratio.high):
        interval = f" ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"; the median error is {ratio.value:.2f}{interval} times the reference's"
