"""The metric of explanations of anomalies."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Counter

from models.explanation import LEFT_OUT, LeftOut
from monitor.stream.records import Anomaly


class ExplanationMetrics:
    """What was not explained. counter: makes one in the daemon's registry."""

    def __init__(self, counter: Callable[..., Counter]) -> None:
        self.left_out = counter(
            "explanations_left_out",
            "Anomalous rows that were published without an explanation, by reason.",
            reason=LEFT_OUT,
        )

    def count(self, anomalies: Iterable[Anomaly]) -> None:
        """Add anomalies that are published."""
        for anomaly in anomalies:
            if isinstance(anomaly.explained, LeftOut):
                self.left_out.labels(anomaly.explained.reason).inc()
