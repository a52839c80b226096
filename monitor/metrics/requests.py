"""The metrics of delivering retraining requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor.retraining.deliveries import Kept

RESULTS: Final = ("delivered", "failed", "parked")
SHOWN: Final = ("waiting", "parked", "held")


class RequestMetrics:
    """Deliveries by receiver. The series exist once the receivers are known."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self.deliveries = Counter(
            f"{prefix}_request_deliveries",
            "Attempts to deliver a retraining request, by receiver and result: delivered, failed"
            " (it is tried again) or parked (refused for good).",
            ("receiver", "result"),
            registry=registry,
        )
        self.open = Gauge(
            f"{prefix}_requests_open",
            "Retraining requests that a receiver has not taken, by state: waiting to be sent,"
            " parked after a refusal, held until a person decides.",
            ("receiver", "state"),
            registry=registry,
        )
        self.oldest = Gauge(
            f"{prefix}_requests_oldest_seconds",
            "Age of the oldest retraining request that waits for a receiver or is parked; 0 while"
            " there is none.",
            ("receiver",),
            registry=registry,
        )
        self.asked = Gauge(
            f"{prefix}_retrain_request_timestamp_seconds",
            "When the newest request for a successor of the model in use was made, by the stream's"
            " clock; 0 while there is none.",
            registry=registry,
        )

    def follow(self, receivers: Iterable[str]) -> None:
        """Begin all series of these receivers at zero."""
        for name in receivers:
            self.oldest.labels(name)
            for result in RESULTS:
                self.deliveries.labels(name, result)
            for state in SHOWN:
                self.open.labels(name, state)

    def count(self, receiver: str, result: str) -> None:
        """An attempt was made."""
        self.deliveries.labels(receiver, result).inc()

    def show(self, receiver: str, requests: Iterable[Kept], now: float) -> None:
        """Set the gauges of a receiver. now: seconds since the epoch."""
        mine = [
            (kept.deliveries[receiver].state, kept.created)
            for kept in requests
            if receiver in kept.deliveries
        ]
        for state in SHOWN:
            self.open.labels(receiver, state).set(sum(item == state for item, _ in mine))
        ages = [
            max(0.0, now - created) for state, created in mine if state in ("waiting", "parked")
        ]
        self.oldest.labels(receiver).set(max(ages, default=0.0))
