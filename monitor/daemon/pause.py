"""A wait of the run loop before it tries something again, in which all else goes on."""

from __future__ import annotations

import threading
import time
from typing import Final

from monitor.daemon.gauges import Gauges
from monitor.daemon.muting import Muting
from monitor.daemon.parts import Parts
from monitor.process.deadline import WORK

TEND_SECONDS: Final = 0.2


class Pause:
    """Called with seconds: waits; false if there is no time for another attempt."""

    def __init__(
        self, parts: Parts, stopping: threading.Event, muting: Muting, gauges: Gauges
    ) -> None:
        self._parts = parts
        self._stopping = stopping
        self._muting = muting
        self._gauges = gauges

    def __call__(self, seconds: float) -> bool:
        """Stay a member of the group, and keep the gauges true, for so long."""
        known, deadline = self._stopping.is_set(), self._parts.deadline
        if known:
            deadline.begin()
        until = time.monotonic() + seconds
        while (left := min(until - time.monotonic(), deadline.left(WORK))) > 0:
            if self._stopping.is_set() and not known:
                break  # one more attempt, at once
            self._parts.liveness.beat()
            self._parts.source.tend()
            self._muting.look()
            self._gauges.refresh()
            time.sleep(min(TEND_SECONDS, left))
        self._gauges.refresh()
        return deadline.left(WORK) > 0
