"""Metrics of segments: a few series of each, for as many as the configuration allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from prometheus_client import Counter, Gauge

from monitor.drift.episodes import ALERTS, Change, State
from monitor.drift.segments.silence import RETURNED, SILENT

SEGMENT_ALERTS: Final = (*ALERTS, SILENT, RETURNED)
"""The events of segments that people or programs act on."""


class Shown(NamedTuple):
    """Of one segment. last: timestamp of its last record, in seconds since the epoch.

    ratio: of its median error to the reference's. rows: judged.
    """

    firing: bool
    silent: bool
    ratio: float
    last: float
    rows: int


def segment_shown(segment: Mapping[str, Any]) -> Shown:
    """What is shown of a segment as `segments_json` has it."""
    ratio = segment["ratio"] or {"value": None}
    return Shown(
        segment["state"] == State.FIRING,
        segment["silent_since"] is not None,
        math.nan if ratio["value"] is None else ratio["value"],
        datetime.fromisoformat(segment["last_record"]).timestamp(),
        segment["rows"],
    )


class SegmentMetrics:
    """Without segments there are no series but those of the counter."""

    def __init__(self, gauge: Callable[..., Gauge], counter: Callable[..., Counter]) -> None:
        def each(name: str, text: str) -> Gauge:
            return gauge(f"segment_{name}", text, ("segment",))

        self.alerts = counter(
            "segment_alerts", "Alerts of segments that left, by event.", event=SEGMENT_ALERTS
        )
        self._firing = each("drift_firing", "1 while the segment's drift fires, else 0.")
        self._silent = each("silent", "1 while the segment has stopped and others go on, else 0.")
        self._ratio = each(
            "error_ratio",
            "Median error of the segment since its drift's onset, or of its window while there is"
            " none, over the reference's.",
        )
        self._last = each(
            "last_record_timestamp_seconds", "Timestamp of the segment's last record judged."
        )
        self._rows = each("rows", "Rows of the segment that were judged.")
        self._shown: set[str] = set()

    def count(self, change: Change) -> None:
        """Add a change of a segment's state."""
        if change.alert is not None:
            self.alerts.labels(change.alert.event).inc()

    def show(self, segments: Mapping[str, Shown]) -> None:
        """Bring the gauges up to date; those of segments that are gone go, too."""
        for name, shown in segments.items():
            self._firing.labels(name).set(shown.firing)
            self._silent.labels(name).set(shown.silent)
            self._ratio.labels(name).set(shown.ratio)
            self._last.labels(name).set(shown.last)
            self._rows.labels(name).set(shown.rows)
        for gone in self._shown - segments.keys():
            for metric in (self._firing, self._silent, self._ratio, self._last, self._rows):
                metric.remove(gone)
        self._shown = set(segments)
