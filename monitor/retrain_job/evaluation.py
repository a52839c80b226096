"""How a model does on records: its errors, its false alarms, and how it tells anomalies apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.bundle import Bundle
from models.reconstruction import finite
from monitor.pipeline.scorer import Scorer
from monitor.retrain_job.comparison import Before, Labelled
from monitor.stream.records import Estimate

Errors = NDArray[np.float64]

LEVEL: Final = 0.95
"""Of every interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """A model on normal records.

    errors: of each record, in order, finite. above: how many lie above the model's own threshold.
    rate: their share, with its interval.
    """

    errors: Errors
    above: int
    rate: Estimate

    @property
    def rows(self) -> int:
        """How many records."""
        return len(self.errors)

    @property
    def median(self) -> float:
        """The median error."""
        return float(np.median(self.errors))


@dataclass(frozen=True, slots=True)
class Discrimination:
    """ROC AUC of one kind of anomaly against normal records, counted. largest error: anomalous."""

    auc: Estimate
    anomalous: int
    normal: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One model on everything there is; before and labelled are None or empty without such data."""

    bundle: Bundle
    recent: Performance
    before: Performance | None
    labelled: dict[str, Discrimination]


def evaluate(
    scorer: Scorer, recent: NDArray[Any], before: Before | None, labelled: Labelled | None
) -> Evaluation:
    """A model on the newest records, on older ones and on anomalies. Raises ShapeError."""
    newest = performance(scorer, recent)
    known: dict[str, Discrimination] = {}
    if labelled is not None:
        normal = newest.errors if labelled.normal is None else errors_of(scorer, labelled.normal)
        known = {
            name: discrimination(normal, errors_of(scorer, rows))
            for name, rows in labelled.anomalous.items()
        }
    old = None if before is None else performance(scorer, before.rows)
    return Evaluation(scorer.bundle, newest, old, known)


def errors_of(scorer: Scorer, rows: NDArray[Any]) -> Errors:
    """Reconstruction errors, the infinite as the largest number there is."""
    return finite(scorer.score(rows).reconstruction_error)


def performance(scorer: Scorer, rows: NDArray[Any]) -> Performance:
    """A model on normal records, at least one."""
    errors = errors_of(scorer, rows)
    above = int(scorer.bundle.reference.anomalous(errors).sum())
    return Performance(errors, above, share(above, len(errors)))


def share(count: int, of: int) -> Estimate:
    """A share with its exact binomial interval (Clopper and Pearson, Biometrika 26, 1934)."""
    tail = (1 - LEVEL) / 2
    low = float(special.betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(special.betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Estimate(count / of, low, high)


def discrimination(normal: Errors, anomalous: Errors) -> Discrimination:
    """ROC AUC with the interval of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988)."""
    from scipy import stats  # takes a second to load

    m, n = len(anomalous), len(normal)
    ranks = stats.rankdata(np.concatenate([anomalous, normal]))
    of_anomalous = (ranks[:m] - stats.rankdata(anomalous)) / n  # share of normal ones below each
    of_normal = 1 - (ranks[m:] - stats.rankdata(normal)) / m
    auc = float(of_anomalous.mean())
    if min(m, n) < 2:
        return Discrimination(Estimate(auc, 0.0, 1.0), m, n)
    variance = of_anomalous.var(ddof=1) / m + of_normal.var(ddof=1) / n
    half = float(special.ndtri((1 + LEVEL) / 2) * np.sqrt(variance))
    return Discrimination(Estimate(auc, max(0.0, auc - half), min(1.0, auc + half)), m, n)


def probability_of(above: int, of: int, bundle: Bundle, factor: float) -> float:
    """Chance of so many records above the threshold, or more, if all is well.

    The threshold is the k-th of n calibration errors, so that the share of normal records above
    it is itself random: Beta(n + 1 - k, k), and the count beta-binomial (Vovk, Conditional validity
    of inductive conformal predictors, 2012). factor: times the promised share that is still well.
    """
    from scipy import stats  # takes a second to load

    n, quantile = bundle.reference.count, bundle.reference.quantile
    over = max(1, round((n + 1) * (1 - quantile)))
    mean = min(0.5, factor * (1 - quantile))
    return float(stats.betabinom.sf(above - 1, of, over, over / mean - over))
