"""Other detectors to compare a model with, each with its library's own settings.

iforest, lof, ocsvm and elliptic are scikit-learn's, knn, ecod, copod and pca are PyOD's. They get
records as the network sees them: standardised columns, categories as columns, pixels from 0 to 1.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.extras import needed

Score = Callable[[NDArray[Any]], NDArray[np.float64]]
"""From records (n, d) to scores (n,), high for an anomaly."""
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """A detector. place: its class, as `module:name`. settings: that are not the defaults.

    rows: of training, at most; more take minutes. columns: at most.
    """

    place: str
    settings: tuple[tuple[str, Any], ...] = ()
    rows: int = 50_000
    columns: int = 1 << 16

    @property
    def is_pyod(self) -> bool:
        """Whether it is PyOD's: its scores are high for an anomaly, scikit-learn's low."""
        return self.place.startswith("pyod")


BASELINES: Final = {
    "iforest": Baseline("sklearn.ensemble:IsolationForest", (("random_state", _SEED),)),
    "lof": Baseline("sklearn.neighbors:LocalOutlierFactor", (("novelty", True),), 10_000),
    "ocsvm": Baseline("sklearn.svm:OneClassSVM", (), 5_000),
    "elliptic": Baseline(
        "sklearn.covariance:EllipticEnvelope", (("random_state", _SEED),), 20_000, 200
    ),
    "knn": Baseline("pyod.models.knn:KNN", (), 20_000),
    "ecod": Baseline("pyod.models.ecod:ECOD", (), 20_000),
    "copod": Baseline("pyod.models.copod:COPOD", (), 20_000),
    "pca": Baseline("pyod.models.pca:PCA", (("random_state", _SEED),), 50_000, 4096),
}


class NotFittedError(Exception):
    """A detector does not take these records; the message says why."""


def library(name: str) -> None:
    """Raise UserError if what the detector needs is not installed."""
    if BASELINES[name].is_pyod:
        needed("pyod", "baselines", f"--baselines {name}")


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most so many rows of `count`, evenly chosen, ascending."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def fitted(name: str, records: NDArray[np.float32]) -> tuple[Score, list[str]]:
    """What scores as the detector does that was fitted on records (n, d), and its warnings.

    Takes records as they are: see `Baseline.rows`. Raises NotFittedError.
    """
    baseline = BASELINES[name]
    if records.shape[1] > baseline.columns:
        raise NotFittedError(
            f"takes at most {baseline.columns} columns, and these records have {records.shape[1]}"
        )
    module, _, kind = baseline.place.partition(":")
    detector = getattr(importlib.import_module(module), kind)(**dict(baseline.settings))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            detector.fit(records)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise NotFittedError(" ".join(str(error).split())[:200]) from error
    sign = 1.0 if baseline.is_pyod else -1.0

    def score(rows: NDArray[Any]) -> NDArray[np.float64]:
        found = np.asarray(detector.decision_function(rows), dtype=np.float64)
        return sign * found

    told = {" ".join(str(each.message).split())[:200] for each in caught}
    return score, sorted(told)


def threshold(scores: NDArray[np.float64], quantile: float) -> float:
    """The score that a share of at most 1 - quantile of normal records exceeds: as `Reference`'s.

    scores: of normal records that were not fitted on, of which there must be enough.
    """
    rank = min(len(scores), math.ceil((len(scores) + 1) * quantile))
    return float(np.sort(scores)[rank - 1])
