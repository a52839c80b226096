"""The metrics of a shadow model; all are there, at zero, without one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.distribution import ErrorDistribution
from monitor.drift.quantiles import quantile_of
from monitor.metrics.ratio_histogram import RatioHistogram, divisor

FAILURES: Final = ("error", "non_finite")
DISAGREEMENTS: Final = ("only_shadow", "only_current")
RECENT_ROWS: Final = 5120
"""Rows over which shares are taken, at least."""
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

Flags = NDArray[np.bool_]


class ShadowMetrics:
    """What a shadow says. gauge, counter: make one in the registry. levels: of its quantiles."""

    def __init__(
        self,
        gauge: Callable[..., Gauge],
        counter: Callable[..., Counter],
        registry: CollectorRegistry,
        levels: tuple[float, ...],
    ) -> None:
        self._levels = levels
        self._recent: deque[tuple[int, int, int]] = deque()
        self._recent_rows = 0
        self.info = gauge(
            "shadow_info", "The shadow model; 1 while it scores, else 0.", ("version",)
        )
        self.threshold = gauge("shadow_threshold", "The shadow model's own anomaly threshold.")
        self.rows = counter("shadow_rows_scored", "Rows scored by the shadow model.")
        self.anomalous = counter(
            "shadow_rows_anomalous", "Rows with an error above the shadow model's own threshold."
        )
        self.disagreements = counter(
            "shadow_disagreements", "Rows that only one of the two models calls anomalous.",
            by=DISAGREEMENTS,
        )  # fmt: skip
        self.failures = counter(
            "shadow_failures", "Times that the shadow model was switched off.", reason=FAILURES
        )
        self.share = gauge(
            "shadow_recent_ratio",
            f"Shares of the last {RECENT_ROWS} rows or so: anomalous to the shadow model, and those"
            " on which the two models disagree.",
            ("what",),
        )
        self.quantile = gauge(
            "shadow_error_quantile", "Rolling quantile of the shadow's error.", ("level",)
        )
        self.seconds = Histogram(
            "aead_monitor_shadow_seconds",
            "Time that the shadow model takes for one batch; a part of the stage `score`.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.ratio = RatioHistogram(
            "aead_monitor_shadow_error_ratio",
            "The shadow model's reconstruction error over its own anomaly threshold.",
        )
        registry.register(self.ratio)
        for what in ("anomalous", "disagreement"):
            self.share.labels(what).set(0)
        for level in levels:
            self.quantile.labels(f"{level:g}").set(float("nan"))

    def begin(self, version: str, threshold: float) -> None:
        """A shadow scores from now on."""
        self.info.labels(version).set(1)
        self.threshold.set(threshold)
        self.ratio.threshold = divisor(threshold)

    def end(self, version: str, reason: str) -> None:
        """It does not any more."""
        self.info.labels(version).set(0)
        self.failures.labels(reason).inc()

    def count(self, errors: NDArray[np.float64], shadow: Flags, current: Flags) -> None:
        """Add a batch. shadow, current: which rows either model calls anomalous."""
        self.ratio.observe(errors)
        self.rows.inc(errors.size)
        self.anomalous.inc(int(shadow.sum()))
        self.disagreements.labels("only_shadow").inc(int((shadow & ~current).sum()))
        self.disagreements.labels("only_current").inc(int((current & ~shadow).sum()))
        self._recent.append((errors.size, int(shadow.sum()), int((shadow ^ current).sum())))
        self._recent_rows += errors.size
        while self._recent_rows - self._recent[0][0] >= RECENT_ROWS:
            self._recent_rows -= self._recent.popleft()[0]

    def show(self, errors: ErrorDistribution, unit: float) -> None:
        """Set the gauges. errors: of the window, in this unit."""
        for level in self._levels:
            self.quantile.labels(f"{level:g}").set(quantile_of(errors, level).value * unit)
        _, anomalous, disagreeing = map(sum, zip(*self._recent, strict=True))
        self.share.labels("anomalous").set(anomalous / self._recent_rows)
        self.share.labels("disagreement").set(disagreeing / self._recent_rows)
