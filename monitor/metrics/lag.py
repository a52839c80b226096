"""The gauges of lag and of the run loop: worked out at each scrape, so that none stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor.process.liveness import Liveness
from monitor.stream.records import Lags, Partition


class LagMetrics:
    """now: how far the partitions are behind, from any thread; one that has left has no series."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self.now: Callable[[], Lags] = dict
        self._records = _OfPartitions(
            f"{prefix}_consumer_lag_records",
            "Records in the partition that are not yet decided on; no series while the brokers do"
            " not say where it ends.",
            lambda: ((partition, records) for partition, (records, _) in self.now().items()),
        )
        self._seconds = _OfPartitions(
            f"{prefix}_consumer_lag_seconds",
            "Age of the newest record decided on, while there is lag; else 0.",
            lambda: ((partition, seconds) for partition, (_, seconds) in self.now().items()),
        )
        registry.register(self._records)
        registry.register(self._seconds)


class _OfPartitions(Collector):
    """A gauge whose values are worked out when it is asked for. Names as those of `Gauge`."""

    def __init__(
        self, name: str, text: str, values: Callable[[], Iterable[tuple[Partition, float]]]
    ) -> None:
        self._name, self._text, self._values = name, text, values
        self._labelnames = ("topic", "partition")

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Without series."""
        yield GaugeMetricFamily(self._name, self._text, labels=self._labelnames)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As it is now."""
        family = GaugeMetricFamily(self._name, self._text, labels=self._labelnames)
        for partition, value in self._values():
            family.add_metric((partition.topic, str(partition.number)), value)
        yield family


class LoopMetrics:
    """Whether the run loop turns. not_ready: the gauge whose reason `hangs` it sets."""

    def __init__(self, gauge: Callable[..., Gauge], not_ready: Gauge) -> None:
        self._turned = gauge(
            "loop_timestamp_seconds",
            "When the run loop last turned; 0 before. Gauges of state, quantiles, connection and"
            " readiness are as old as that.",
        )
        self._not_ready = not_ready.labels("hangs")

    def follow(self, liveness: Liveness) -> None:
        """Say of this loop."""
        self._turned.set_function(lambda: liveness.turned_at)
        self._not_ready.set_function(lambda: float(liveness.stalled_seconds > 0))
