"""The metrics of records that are judged by the hour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter

from monitor.pipeline.context_times import ContextTimes

TIMES: Final = ("timestamp", "arrival", "unknown")


class ContextMetrics:
    """counter: makes one in the daemon's registry."""

    def __init__(self, counter: Callable[..., Counter]) -> None:
        self._records = counter(
            "context_records",
            "Records that were judged by the hour, by what told it: timestamp, the time of"
            " arrival where that is not believed, or nothing: then they were judged as they are.",
            time=TIMES,
        )

    def count(self, times: ContextTimes | None) -> None:
        """Add the records of an outcome; None if none is judged by the hour."""
        if times is None:
            return
        others = times.by_arrival, times.unknown
        counts = times.moments.size - sum(others), *others
        for name, count in zip(TIMES, counts, strict=True):
            self._records.labels(name).inc(count)
