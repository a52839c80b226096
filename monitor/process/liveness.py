"""Whether the run loop still turns, as told to whoever asks from another thread."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Liveness:
    """Alive unless the loop has not turned for `limit_seconds` while there is work.

    The main thread beats; any thread may ask. The first answer that it hangs logs where all
    threads are.
    """

    def __init__(self, limit_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._beat = clock()
        self._busy = False
        self._said = False

    def beat(self, lag: int | None = None) -> None:
        """The loop goes on. lag: records that wait, where it is known."""
        self._beat = self._clock()
        self._said = False
        if lag is not None:
            self._busy = lag > 0

    def busy(self) -> None:
        """A batch is being worked on."""
        self._busy = True

    @property
    def stalled_seconds(self) -> float:
        """How long the loop has hung; 0 while it is alive."""
        silence = self._clock() - self._beat
        if not self._busy or silence <= self._limit_seconds:
            return 0.0
        if not self._said:
            self._said = True
            log.error("the run loop hangs", seconds=round(silence, 1), threads=stacks())
        return silence


def stacks() -> str:
    """Where every thread is."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = [
        f"{names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    ]
    return "\n".join(parts)
