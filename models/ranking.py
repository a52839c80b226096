"""Ranking: how well errors tell anomalies of several kinds from normal records, and how surely.

The figure is the ROC AUC, averaged over the kinds. Its standard error, and that of the difference
of two models on the same records, follow from the placements of each record: DeLong, DeLong and
Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic
curves (Biometrics 1988). Anomalies of different kinds that were made of one record are not
independent, so that they count as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How one model ranks.

    areas: ROC AUC by kind. normal: of each normal record, the share of anomalies above it, (n,).
    odd: of each spoilt record, the share of normal records below it, (m,); both are means over
    the kinds, in which equal errors count as half.
    """

    areas: Mapping[str, float]
    normal: Floats
    odd: Floats

    @classmethod
    def of(cls, normal: Floats, odd: Mapping[str, Floats]) -> Self:
        """From errors: of normal records (n,), and of each kind's anomalies (m,), in one order."""
        placed = [_placements(normal, errors) for errors in odd.values()]
        areas = {kind: float(each[1].mean()) for kind, each in zip(odd, placed, strict=True)}
        first, second = (np.mean([each[i] for each in placed], axis=0) for i in (0, 1))
        return cls(areas, first, second)

    @property
    def area(self) -> float:
        """The mean ROC AUC over the kinds."""
        return float(np.mean(list(self.areas.values())))

    @property
    def standard_error(self) -> float:
        """Of the area."""
        return _standard_error(self.normal, self.odd)

    def error_of_difference(self, other: Ranking) -> float:
        """Standard error of the difference of both areas, of models that saw the same records."""
        return _standard_error(self.normal - other.normal, self.odd - other.odd)


def _placements(normal: Floats, odd: Floats) -> tuple[Floats, Floats]:
    both = rankdata(np.concatenate([normal, odd]))
    below = (both[len(normal) :] - rankdata(odd)) / len(normal)
    above = 1 - (both[: len(normal)] - rankdata(normal)) / len(odd)
    return above, below


def _standard_error(normal: Floats, odd: Floats) -> float:
    return float(np.sqrt(normal.var(ddof=1) / len(normal) + odd.var(ddof=1) / len(odd)))
