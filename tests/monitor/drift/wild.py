"""Streams whose producers' clocks are wrong, and that come at a steady rate all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition
from tests.monitor.builders import VERSION

START = 1_700_000_000_000
YEAR = 31_557_600.0


@dataclass(frozen=True)
class WrongClock:
    """What a producer's clock makes of the time.

    unit: milliseconds it counts as so many. offset: seconds it is ahead. jumps: from this second
    on it is so many seconds farther ahead.
    """

    unit: float = 1.0
    offset: float = 0.0
    jumps: tuple[tuple[float, float], ...] = ()
    begun: bool = False

    def times(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Its timestamps in milliseconds, for seconds since the stream began."""
        told = (0.0 if self.begun else START / 1000) + seconds + self.offset
        for since, ahead in self.jumps:
            told = told + np.where(seconds >= since, ahead, 0.0)
        milliseconds = np.clip(1000 * self.unit * told, 0, 2.0**61)
        return np.asarray(milliseconds.astype(np.int64))


def clocks(longest: float) -> st.SearchStrategy[WrongClock]:
    """Any: offsets of seconds to years, seconds to nanoseconds for milliseconds, jumps."""
    size = st.one_of(
        st.floats(-10.0, 10.0), st.floats(-90_000.0, 90_000.0), st.floats(-2 * YEAR, 2 * YEAR)
    )
    jumps = st.lists(st.tuples(st.floats(0.0, longest), size), max_size=3)
    return st.builds(
        WrongClock,
        st.sampled_from([1.0, 1.0, 0.001, 1.01, 3.0, 1000.0, 1e6]),
        st.one_of(st.just(0.0), size),
        jumps.map(tuple),
        st.booleans(),
    )


def batches(
    errors: NDArray[np.float64],
    clocks: list[WrongClock],
    rate: float,
    every: float = 0.5,
    seed: int = 0,
) -> Iterator[JudgedRecords]:
    """Records of all partitions, one for each clock, as polls bring them.

    rate: records a second. every: seconds between two polls.
    """
    seconds = np.arange(errors.size) / rate
    number = np.random.default_rng(seed).integers(0, len(clocks), errors.size)
    times = np.choose(number, [clock.times(seconds) for clock in clocks])
    polls = np.floor(seconds / every).astype(np.int64)
    offsets = np.empty(errors.size, dtype=np.int64)
    for p in range(len(clocks)):
        offsets[number == p] = np.arange((number == p).sum())
    for poll in range(int(polls[-1]) + 1):
        mine = np.flatnonzero(polls == poll)
        if not mine.size:
            continue
        mine = mine[np.argsort(number[mine], kind="stable")]  # partition by partition
        yield JudgedRecords(
            VERSION,
            tuple(Partition("in", p) for p in range(len(clocks))),
            number[mine],
            offsets[mine],
            offsets[mine] + 1,
            times[mine],
            np.ones(mine.size, dtype=np.int64),
            errors[mine],
            np.full(mine.size, START + int(1000 * every * (poll + 1))),
        )
