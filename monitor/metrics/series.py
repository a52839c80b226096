"""Metrics of models of windows over series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from prometheus_client import Counter, Gauge


class Remembered(Protocol):
    """Series that are remembered, and how many were forgotten for want of room."""

    forgotten: int

    def __len__(self) -> int:
        """Of those that are remembered."""


class SeriesMetrics:
    """What is remembered of series; zero for models of whole records."""

    def __init__(self, gauge: Callable[..., Gauge], counter: Callable[..., Counter]) -> None:
        self._remembered = gauge("series", "Series of which the last steps are remembered.")
        self._forgotten = counter(
            "series_forgotten", "Series forgotten, since series.at_most others were seen later."
        )
        self._shown: tuple[Remembered | None, int] = (None, 0)

    def show(self, series: Remembered | None) -> None:
        """Bring them up to date."""
        if series is None:
            self._remembered.set(0)
            return
        of, before = self._shown
        self._remembered.set(len(series))
        self._forgotten.inc(series.forgotten - (before if of is series else 0))
        self._shown = (series, series.forgotten)
