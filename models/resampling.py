"""How well scores rank anomalous records above normal ones, with bootstrap intervals.

Records are drawn with replacement, normal ones and anomalous ones each among themselves (Efron and
Tibshirani, An introduction to the bootstrap, 1993, chapter 13: percentiles). A draw is how often
each record is in it, so that scores are sorted once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.reconstruction import finite

RESAMPLES: Final = 500
INTERVAL: Final = (0.025, 0.975)
MEASURES: Final = ("roc_auc", "average_precision", "recall")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Scores of normal and anomalous records, high ones anomalous, and a threshold.

    normal, anomalous: float64 (n,) and (m,), at least one each; what is not finite ranks highest.
    threshold: a record above it is flagged.
    """

    normal: Floats
    anomalous: Floats
    threshold: float

    def measures(self, draws: list[tuple[Floats, Floats]]) -> Floats:
        """ROC AUC, average precision and recall at the threshold of each draw, (draws, 3).

        draws: how often each normal and each anomalous record counts, (n,) and (m,).
        """
        scores = np.concatenate([finite(self.normal), finite(self.anomalous)])
        order = np.argsort(-scores, kind="stable")
        starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf) != 0)
        flagged = ~(self.anomalous <= self.threshold)
        found = np.empty((len(draws), len(MEASURES)))
        for row, (normal, anomalous) in enumerate(draws):
            none, nobody = np.zeros(len(normal)), np.zeros(len(anomalous))
            # Of equal scores none ranks first: they count together.
            right = np.add.reduceat(np.concatenate([none, anomalous])[order], starts)
            wrong = np.add.reduceat(np.concatenate([normal, nobody])[order], starts)
            above, flagged_too = np.cumsum(right), np.cumsum(wrong)
            counted = above + flagged_too
            precision = np.divide(above, counted, out=np.zeros_like(above), where=counted > 0)
            total = anomalous.sum()
            found[row] = (
                (wrong * (above - right / 2)).sum() / (total * normal.sum()),
                (right * precision).sum() / total,
                anomalous[flagged].sum() / total,
            )
        return found

    @property
    def false_positive_rate(self) -> float:
        """The share of normal records above the threshold."""
        return float((~(self.normal <= self.threshold)).mean())


def draws(normal: int, anomalous: int, seed: int = 0) -> list[tuple[Floats, Floats]]:
    """All records once, then RESAMPLES draws; the same for every method that is compared."""
    return [(np.ones(normal), np.ones(anomalous)), *_drawn(normal, anomalous, seed)]


def _drawn(normal: int, anomalous: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield tuple(  # type: ignore[misc]  # two of them
            np.bincount(generator.integers(0, count, count), minlength=count).astype(np.float64)
            for count in (normal, anomalous)
        )


def interval(values: Floats) -> list[float]:
    """The middle 95% of the values of draws, [low, high]."""
    low, high = np.quantile(values, INTERVAL).tolist()
    return [low, high]
