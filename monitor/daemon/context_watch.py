"""Says in the log, not too often, that records are judged as they are: they have no time that can
be believed, or a value of the context's column that calibration had none of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from monitor.pipeline.context_times import ContextTimes

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 3600.0
"""Between two warnings, at least."""


class _Seldom:
    """Says when AGAIN_SECONDS are over. clock: seconds from any fixed origin."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told = float("-inf")

    def due(self) -> bool:
        """Whether they are; then they begin anew."""
        now = self._clock()
        if now - self._told < AGAIN_SECONDS:
            return False
        self._told = now
        return True


class ContextWatch:
    """clock: seconds from any fixed origin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = _Seldom(clock)
        self._by_arrival = self._unknown = 0

    def look(self, times: ContextTimes | None) -> None:
        """These records were judged by the hour; None if they were not."""
        if times is None or not (times.by_arrival or times.unknown):
            return
        self._by_arrival += times.by_arrival
        self._unknown += times.unknown
        if not self._seldom.due():
            return
        log.warning(
            "records without a timestamp that can be believed, of a model that judges by"
            " the hour: that of their arrival is taken, or none. Put the producers' clocks right",
            by_arrival=self._by_arrival,
            unknown=self._unknown,
        )
        self._by_arrival = self._unknown = 0


class ColumnWatch:
    """clock: seconds from any fixed origin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = _Seldom(clock)
        self._rows = self._unknown = 0

    def look(self, cells: NDArray[np.int64] | None) -> None:
        """These rows were judged by a column, see `Scores.cells`; None if they were not."""
        if cells is None:
            return
        self._rows += cells.size
        self._unknown += int((cells < 0).sum())
        if not self._unknown or not self._seldom.due():
            return
        log.warning(
            "records with a value of the context's column that calibration had none of: they are"
            " judged as they are. Train again with records that have it",
            rows=self._rows,
            unknown=self._unknown,
        )
        self._rows = self._unknown = 0
