"""A second model that scores each batch beside the one in use, and decides nothing.

It publishes no events and touches no totals: a scorer around the one in use passes on what that
one says, and shows the second in metrics of its own. Whatever goes wrong with the second switches
it off, once and for all of this process. Scoring takes the time of both.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.drift.window import RollingWindow
from monitor.errors import UserError
from monitor.metrics.shadow import ShadowMetrics
from monitor.pipeline.scored import RowScorer
from monitor.stream.records import Scores

log = structlog.get_logger(__name__)

SHOW_SECONDS = 0.5
"""Quantiles are taken so often at most: they cost as much as a small batch."""


class Shadow:
    """The second model. window: of its own; it begins anew with each process."""

    def __init__(
        self,
        scorer: RowScorer,
        reference: Reference,
        version: str,
        window: RollingWindow,
        metrics: ShadowMetrics,
    ) -> None:
        self._scorer: RowScorer | None = scorer
        self._unit = reference.unit
        self._version = version
        self._window = window
        self._metrics = metrics
        self._rows = 0
        self._shown = float("-inf")
        metrics.begin(version, reference.threshold)

    def watch(self, records: NDArray[Any], current: Scores) -> None:
        """Score rows that the model in use has scored, and compare."""
        if self._scorer is None:
            return
        started = time.perf_counter()
        try:
            scores = self._scorer.score(records)
        except Exception as error:  # noqa: BLE001  (the model in use must not suffer)
            self._end("error", error)
            return
        if not np.isfinite(scores.reconstruction_error).all():
            # A value far outside every range gives both no finite error: that is the record's.
            if np.isfinite(current.reconstruction_error).all():
                self._end("non_finite", None)
            return
        self._count(scores, current)
        self._metrics.seconds.observe(time.perf_counter() - started)

    def _count(self, scores: Scores, current: Scores) -> None:
        errors = scores.reconstruction_error
        self._metrics.count(errors, scores.anomalous, current.anomalous)
        self._window.add(BucketCounts.from_errors(errors / self._unit), self._rows, 0.0)
        self._rows += errors.size
        if time.monotonic() - self._shown >= SHOW_SECONDS:
            self._shown = time.monotonic()
            self._metrics.show(self._window.errors, self._unit)

    def _end(self, reason: str, error: Exception | None) -> None:
        self._scorer = None
        self._metrics.end(self._version, reason)
        expected = error is None or isinstance(error, UserError)
        log.error(
            "the shadow model is switched off; the model in use goes on",
            version=self._version,
            reason=reason,
            error=str(error) if error else "its reconstruction error is not finite",
            exc_info=None if expected else error,
        )


class ShadowedScorer:
    """Scores as `scorer` does, and lets a shadow see the same rows."""

    def __init__(self, scorer: RowScorer, shadow: Shadow) -> None:
        self._scorer = scorer
        self._shadow = shadow

    def score(self, records: NDArray[Any]) -> Scores:
        """The scores of the model in use, untouched."""
        scores = self._scorer.score(records)
        self._shadow.watch(records, scores)
        return scores
