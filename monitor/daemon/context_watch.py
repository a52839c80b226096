"""Says in the log that records have no time that can be believed: not too often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from monitor.pipeline.context_times import ContextTimes

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 3600.0
"""Between two warnings, at least."""


class ContextWatch:
    """clock: seconds from any fixed origin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told = float("-inf")
        self._by_arrival = self._unknown = 0

    def look(self, times: ContextTimes | None) -> None:
        """These records were judged by the hour; None if they were not."""
        if times is None or not (times.by_arrival or times.unknown):
            return
        self._by_arrival += times.by_arrival
        self._unknown += times.unknown
        if self._clock() - self._told < AGAIN_SECONDS:
            return
        self._told = self._clock()
        log.warning(
            "records without a timestamp that can be believed, of a model that judges by"
            " the hour: that of their arrival is taken, or none. Put the producers' clocks right",
            by_arrival=self._by_arrival,
            unknown=self._unknown,
        )
        self._by_arrival = self._unknown = 0
