"""The clock of a stream: its own rows and timestamps, and when its records came.

Timestamps say how much time has passed; what producers write into them may be wrong. When records
came bounds it: no more time has passed than there was, or, where records that waited are read
fast, than the stream takes for so many of them. The clock itself looks at no clock: both times
come with the records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from monitor.drift.blocks import Block, ticks_of
from monitor.drift.partition_clocks import PartitionClocks, WildClock
from monitor.drift.readings import UNKNOWN, Readings, of_block
from monitor.stream.records import Partition

LONGEST_PAUSE: Final = 86_400_000
"""Milliseconds. A longer time in which nothing came counts as this much."""
RECENT_TICKS: Final = 256.0
USUAL_TICKS: Final = 4096.0
"""Ticks over which the recent rate and the usual one are measured: 65,000 and 10^6 rows."""
SLACK_SHARE, SLACK_SECONDS = 0.25, 1.0
"""When a record came is known to about a poll: so much more time may have passed, the smaller."""


class Mark(NamedTuple):
    """A moment. seconds: of stream time. arrived: seconds in which records came. rows: counted."""

    ticks: float = 0.0
    seconds: float = 0.0
    arrived: float = 0.0
    rows: int = 0


START: Final = Mark()


class Elapsed(NamedTuple):
    """The time since a moment. rows: counted. still: nothing tells how many seconds it was."""

    ticks: float
    rows: int
    seconds: float
    still: bool


class _Rate:
    """Rows a second, over about so many ticks; infinite while no time has passed."""

    def __init__(self, ticks: float) -> None:
        self._ticks = ticks
        self.rows = 0.0
        self.seconds = 0.0

    def add(self, ticks: float, rows: int, seconds: float) -> None:
        kept = math.exp(-ticks / self._ticks)
        self.rows = kept * self.rows + rows
        self.seconds = kept * self.seconds + seconds

    @property
    def value(self) -> float:
        return self.rows / self.seconds if self.seconds else math.inf


class Clock:
    """How far the stream has come: in ticks of the evaluation, and in seconds.

    tick_seconds: a block that ended by time is a tick if it lasted that long.
    """

    def __init__(self, tick_seconds: float = 60.0) -> None:
        self.ticks = 0.0
        self._tick_milliseconds = 1000 * tick_seconds
        self._partitions = PartitionClocks()
        self._rows = 0
        self._arrived = 0
        self._arrival = UNKNOWN
        self._by_timestamps = _Rate(RECENT_TICKS)
        self._by_arrival = _Rate(RECENT_TICKS)
        self._usual = _Rate(USUAL_TICKS)
        self._measured = START

    @property
    def seconds(self) -> float:
        """Stream time so far. It never runs backwards."""
        return self._partitions.now / 1000

    @property
    def arrived(self) -> float | None:
        """Seconds in which records have come so far; None if nobody told when they came."""
        return None if self._arrival < 0 else self._arrived / 1000

    def advance(self, block: Block) -> None:
        """Take a block into account."""
        readings = block.readings
        if readings is None:
            readings = of_block(np.array([0]), np.array([block.last_timestamp]))
        self.advance_many([block.rows], [block.ended_by_time], readings)

    def advance_many(
        self, sizes: Sequence[int], by_time: Sequence[bool], readings: Readings
    ) -> list[float]:
        """Take consecutive blocks into account; the seconds after each.

        sizes: rows of each. by_time: which of them ended by time.
        """
        before = self._partitions.now
        after = self._partitions.advance(readings, len(sizes))
        if True in by_time:
            self._tick(sizes, by_time, np.diff(after, prepend=before).tolist())
        else:
            self.ticks += ticks_of(sum(sizes), False)
        self._rows += sum(sizes)
        self._arrive(readings.arrivals)
        seconds: list[float] = (after / 1000).tolist()
        return seconds

    def _tick(
        self, sizes: Sequence[int], by_time: Sequence[bool], milliseconds: Sequence[int]
    ) -> None:
        for size, timed, elapsed in zip(sizes, by_time, milliseconds, strict=True):
            # A block that a wrong timestamp has ended is no longer than its rows.
            whole = timed and elapsed >= self._tick_milliseconds
            self.ticks += ticks_of(size, whole)

    def _arrive(self, arrivals: Sequence[int]) -> None:
        if arrivals[-1] == self._arrival:
            return
        for arrival in arrivals:
            if arrival >= 0:
                # Earlier than the last: the machine's own clock was set back.
                if 0 <= self._arrival < arrival:
                    self._arrived += min(arrival - self._arrival, LONGEST_PAUSE)
                self._arrival = arrival
        self._partitions.checked = self._arrival >= 0

    def mark(self) -> Mark:
        """The present moment."""
        return Mark(self.ticks, self.seconds, self._arrived / 1000, self._rows)

    def since(self, mark: Mark) -> Elapsed:
        """The time since a moment: what timestamps say, but no more than there can have been.

        Where they say nothing, or some are not believed, it is the time in which records came.
        """
        ticks, seconds = self.ticks - mark.ticks, self.seconds - mark.seconds
        rows = self._rows - mark.rows
        if self._arrival < 0:
            return Elapsed(ticks, rows, seconds, seconds == 0)
        arrived = self._arrived / 1000 - mark.arrived
        if seconds == 0 or self._partitions.doubtful:
            return Elapsed(ticks, rows, arrived, False)
        longest = max(arrived, rows / self._usual.value)
        slack = min(SLACK_SHARE * longest, SLACK_SECONDS)
        return Elapsed(ticks, rows, min(seconds, longest + slack), False)

    def measure(self) -> None:
        """Bring the rates, and what is believed, up to date; after a number of blocks that does
        not depend on how they came."""
        then, now = self._measured, self.mark()
        if self._partitions.doubtful and now.seconds == then.seconds:
            # No clock that is believed runs: the time goes on with what comes.
            self._partitions.now += round(1000 * (now.arrived - then.arrived))
            now = self.mark()
        ticks, rows = now.ticks - then.ticks, now.rows - then.rows
        self._by_timestamps.add(ticks, rows, now.seconds - then.seconds)
        if self._arrival >= 0:
            self._by_arrival.add(ticks, rows, now.arrived - then.arrived)
            self._usual.add(ticks, rows, now.arrived - then.arrived)
        self._partitions.examine(self._arrival)
        self._measured = now

    @property
    def rows_per_second(self) -> float:
        """The stream's rate when it was measured: by timestamps or by arrival, whichever is more.

        Infinite if neither is known.
        """
        rates = [r for r in (self._by_timestamps.value, self._by_arrival.value) if r < math.inf]
        return max(rates, default=math.inf)

    def wild(self, partitions: Sequence[Partition]) -> dict[Partition, WildClock]:
        """The partitions' clocks that are not believed. partitions: by their numbers."""
        return self._partitions.wild(partitions)

    def offsets(self, partitions: Sequence[Partition]) -> dict[Partition, float]:
        """Seconds by which each one's newest timestamp is ahead of its arrival, if that is told."""
        return self._partitions.offsets(partitions) if self._arrival >= 0 else {}

    def state(self, partitions: Sequence[Partition]) -> dict[str, Any]:
        """Everything that `restore` needs. partitions: by their numbers.

        "arrival" in it is all that does not follow from the records alone.
        """
        newest, measured = self._partitions.newest, self._measured
        return {
            "ticks": self.ticks,
            "seconds": self.seconds,
            "newest": None if newest is None else newest / 1000,
            "recent_rows": self._by_timestamps.rows,
            "recent_seconds": self._by_timestamps.seconds,
            "rows": self._rows,
            "measured": [measured.ticks, measured.seconds, measured.rows],
            "partitions": self._partitions.state(partitions),
            "arrival": {
                "last": self._arrival,
                "milliseconds": self._arrived,
                "measured": measured.arrived,
                "recent": [self._by_arrival.rows, self._by_arrival.seconds],
                "usual": [self._usual.rows, self._usual.seconds],
            },
        }

    def restore(self, state: Mapping[str, Any], number: Callable[[Partition], int]) -> None:
        """Go on where `state` was called. number: gives that of a partition.

        Earlier versions knew neither partitions nor arrivals: both begin anew.
        """
        self.ticks = float(state["ticks"])
        self._partitions.now = round(1000 * float(state["seconds"]))
        newest = state["newest"]
        base = 0 if newest is None else round(1000 * float(newest)) - self._partitions.now
        self._partitions.restore(state.get("partitions"), number, base)
        recent = float(state["recent_rows"]), float(state["recent_seconds"])
        self._by_timestamps.rows, self._by_timestamps.seconds = recent
        self._rows = int(state.get("rows", 0))
        arrival = state.get("arrival", _NO_ARRIVAL)
        self._arrival, self._arrived = int(arrival["last"]), int(arrival["milliseconds"])
        self._partitions.checked = self._arrival >= 0
        self._by_arrival.rows, self._by_arrival.seconds = map(float, arrival["recent"])
        self._usual.rows, self._usual.seconds = map(float, arrival["usual"])
        ticks, seconds, rows = state.get("measured", (self.ticks, self.seconds, self._rows))
        measured = float(arrival["measured"])
        self._measured = Mark(float(ticks), float(seconds), measured, int(rows))


def arrived_seconds(state: Mapping[str, Any]) -> float:
    """Seconds in which records have come, of a clock's state; 0 if nobody told when they came."""
    return int(state.get("arrival", _NO_ARRIVAL)["milliseconds"]) / 1000


_NO_ARRIVAL: Final[Mapping[str, Any]] = {
    "last": UNKNOWN,
    "milliseconds": 0,
    "measured": 0.0,
    "recent": (0.0, 0.0),
    "usual": (0.0, 0.0),
}
