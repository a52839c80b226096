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
    """Alive unless the loop has not turned for `limit_seconds`, whatever it does there.

    It turns twice a second when there is nothing to do. The main thread beats; any thread may ask.
    Before the first beat it is starting. The first answer that it hangs logs where all threads are.
    """

    def __init__(
        self,
        limit_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._limit_seconds = limit_seconds
        self._clock, self._wall_clock = clock, wall_clock
        self._beat: float | None = None
        self._said = False

    def beat(self) -> None:
        """The loop goes on."""
        self._beat = self._clock()
        self._said = False

    @property
    def turned_at(self) -> float:
        """When it last turned, in seconds since the epoch; 0 before the first time."""
        beat = self._beat
        return 0.0 if beat is None else self._wall_clock() - (self._clock() - beat)

    @property
    def stalled_seconds(self) -> float:
        """How long the loop has hung; 0 while it is alive."""
        silence = 0.0 if self._beat is None else self._clock() - self._beat
        if silence <= self._limit_seconds:
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
