"""The metrics of planned maintenance: whether alerts are withheld, and how many were."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Counter, Gauge

from monitor.metrics.segments import SEGMENT_ALERTS, SegmentMetrics
from monitor.pipeline.outcome import Late
from monitor.stream.records import Alert


class MuteMetrics:
    """Set by the run loop. gauge, counter: make one in the registry. alerts: those that left, of
    the whole stream; segments: has those of segments.
    """

    def __init__(
        self,
        gauge: Callable[..., Gauge],
        counter: Callable[..., Counter],
        alerts: Counter,
        segments: SegmentMetrics,
    ) -> None:
        self._alerts, self._segments = alerts, segments.alerts
        self.muted = gauge(
            "muted", "1 while no drift alert leaves: planned maintenance, or muted by hand."
        )
        self.file_damaged = gauge(
            "mute_file_damaged",
            "1 while the file of the mute by hand cannot be used; then it mutes nothing.",
        )
        self.withheld = counter(
            "alerts_withheld",
            "Drift alerts that did not leave at their time, by event: muted, or the end of an"
            " episode whose beginning was.",
            event=SEGMENT_ALERTS,
        )

    def count(self, late: Iterable[Late], withheld: Iterable[Alert]) -> None:
        """Add alerts that have left late, and alerts that were withheld."""
        for each in late:
            left = self._segments if each.segment else self._alerts
            left.labels(each.event).inc()
        for alert in withheld:
            self.withheld.labels(alert.event).inc()
