"""The clock of a stream: its own rows and timestamps, never a clock on the wall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.drift.blocks import Block, ticks_of

LONGEST_GAP_SECONDS: Final = 3600.0
"""A longer silence counts as this much: a wild timestamp must not move the clock by years."""
JUMP_SECONDS: Final = 86400.0
"""A clock that runs this far ahead of a record was moved by a wild timestamp, and is set back."""


@dataclass(slots=True)
class Clock:
    """How far the stream has come: in ticks of the evaluation, and in seconds of its timestamps.

    Seconds never run backwards: partitions are read one after the other. rows_per_second: over
    about the last 65,000 rows; infinite while no time has passed.
    """

    ticks: float = 0.0
    seconds: float = 0.0
    _newest: float = -math.inf
    _recent_rows: float = 0.0
    _recent_seconds: float = 0.0

    def advance(self, block: Block) -> None:
        """Take a block into account."""
        self.advance_many([block.rows], [block.last_timestamp], [block.ended_by_time])

    def advance_many(
        self, sizes: Sequence[int], last_timestamps: Sequence[int], by_time: Sequence[bool]
    ) -> list[float]:
        """Take consecutive blocks into account; the seconds after each.

        sizes: rows of each. by_time: which of them ended by time.
        """
        found = []
        for size, last_timestamp, timed in zip(sizes, last_timestamps, by_time, strict=True):
            ticks = ticks_of(size, timed)
            newest = last_timestamp / 1000
            gap = newest - self._newest if self._newest > -math.inf else 0.0
            elapsed = min(max(gap, 0.0), LONGEST_GAP_SECONDS)
            self._newest = newest if gap < -JUMP_SECONDS else max(self._newest, newest)
            self.ticks += ticks
            self.seconds += elapsed
            kept = math.exp(-ticks / 256)
            self._recent_rows = kept * self._recent_rows + size
            self._recent_seconds = kept * self._recent_seconds + elapsed
            found.append(self.seconds)
        return found

    @property
    def rows_per_second(self) -> float:
        """The stream's rate."""
        return self._recent_rows / self._recent_seconds if self._recent_seconds else math.inf

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        newest = self._newest if math.isfinite(self._newest) else None
        return {
            "ticks": self.ticks,
            "seconds": self.seconds,
            "newest": newest,
            "recent_rows": self._recent_rows,
            "recent_seconds": self._recent_seconds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.ticks, self.seconds = float(state["ticks"]), float(state["seconds"])
        self._newest = -math.inf if state["newest"] is None else float(state["newest"])
        self._recent_rows = float(state["recent_rows"])
        self._recent_seconds = float(state["recent_seconds"])
