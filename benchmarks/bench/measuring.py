"""Costs of things that take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

Work = Callable[[], int]
"""Does something, and returns for how many records it did it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one record, in microseconds. processor: user and system time of all threads."""

    processor: float
    wall: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a figure over the turns."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Median, smallest and largest; at least one value."""
        return cls(float(np.median(values)), float(min(values)), float(max(values)))


Clock = Callable[[], tuple[float, float]]
"""Seconds of processor and of wall time so far."""


def process_clock() -> tuple[float, float]:
    """Of this process with all its threads."""
    return time.process_time(), time.perf_counter()


class StageClock:
    """Runs only while one stage of a pipeline does."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._processor = self._wall = 0.0

    def __call__(self) -> tuple[float, float]:
        """Seconds so far."""
        return self._processor, self._wall

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What a pipeline enters for each stage."""
        processor, wall = process_clock()
        yield
        if name == self._stage:
            now, later = process_clock()
            self._processor += now - processor
            self._wall += later - wall


def cost(work: Work, seconds: float = 0.0, clock: Clock = process_clock) -> Cost:
    """Cost of a record; `work` is done again until so much processor time is gone.

    It is done at least once.
    """
    records = 0
    processor, wall = clock()
    while True:
        records += work()
        now, later = clock()
        if now - processor >= seconds:
            return Cost(1e6 * (now - processor) / records, 1e6 * (later - wall) / records)


def in_turns(
    works: Mapping[str, Work],
    turns: int,
    seconds: float,
    clocks: Mapping[str, Clock] | None = None,
) -> dict[str, list[Cost]]:
    """Cost of each, once a turn and for at least so much processor time, after a warm-up.

    Every other turn goes backwards, so that what grows or falls in the run is nobody's gain.
    clocks: of those that are not measured as a whole.
    """
    known = clocks or {}
    for work in works.values():
        work()
    found: dict[str, list[Cost]] = {name: [] for name in works}
    for turn in range(turns):
        for name in list(works) if turn % 2 == 0 else reversed(list(works)):
            found[name].append(cost(works[name], seconds, known.get(name, process_clock)))
    return found
