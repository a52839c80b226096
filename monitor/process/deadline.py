"""By when all has to be over, once we were asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

T = TypeVar("T")

WORK: Final = 0.6
"""Share of the time in which what was begun may be finished."""
COMMIT: Final = 0.8
LEAVE: Final = 0.9
CLOSE: Final = 0.97
"""The same for committing it, for leaving the group, and for closing the rest."""
SLICE_SECONDS: Final = 0.1


class Deadline:
    """Never, until `begin` is called, by any thread; then `seconds` later.

    A wait may take a share of the time, so that what comes after it has some of its own.
    """

    def __init__(
        self, seconds: float = float("inf"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began: float | None = None

    def begin(self) -> None:
        """We were asked to stop. Only the first call counts."""
        if self._began is None:
            self._began = self._clock()

    def left(self, share: float = 1.0) -> float:
        """Seconds until this share of the time is over; at least 0, infinite before `begin`."""
        if self._began is None:
            return float("inf")
        return max(0.0, self._began + share * self.seconds - self._clock())

    def at_most(self, seconds: float, share: float) -> float:
        """So many seconds, or what is left."""
        return min(seconds, self.left(share))

    def result(self, future: Future[T], seconds: float, share: float) -> T:
        """What a call on another thread returns or raises.

        Raises TimeoutError if it takes longer than so many seconds, or than what is left, also
        if `begin` is called meanwhile.
        """
        until = self._clock() + seconds
        while not future.done():
            left = min(until - self._clock(), self.left(share))
            if left <= 0:
                raise TimeoutError("it took too long")
            wait([future], min(left, SLICE_SECONDS))
        return future.result()
