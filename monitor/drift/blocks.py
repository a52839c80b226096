"""Blocks: the rows that drift is evaluated on at once, and where they lie in the stream.

A block ends with the record that brings it to its number of rows, or with the first record that
is some seconds younger than its first one, so that a slow stream is judged too. Both depend on
the records alone: however they came in batches, the blocks are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from monitor.stream.records import Partition, Summary

TICK_ROWS: Final = 256
"""Rows of one tick: the unit in which a drift's duration is measured."""
LONGEST_GAP_SECONDS: Final = 3600.0
"""A longer silence counts as this much: a wild timestamp must not move the clock by years."""
JUMP_SECONDS: Final = 86400.0
"""A clock that runs this far ahead of a record was moved by a wild timestamp, and is set back."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the stream, before some record.

    rows: rows counted before it. timestamp: of that record, in milliseconds since the epoch.
    next_offsets: the next offset of each partition seen so far.
    """

    rows: int
    timestamp: int
    next_offsets: Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows to evaluate: bucket counts of each partition, and where the block begins.

    rows: all of them, at least 1. last_timestamp: the newest record's. ended_by_time: the block
    ended because time had passed, and may be small.
    """

    counts: Mapping[Partition, BucketCounts]
    start: Position
    rows: int
    last_timestamp: int
    ended_by_time: bool

    @property
    def ticks(self) -> float:
        """Its share in durations: rows in units of TICK_ROWS, or 1 if it ended by time."""
        return max(self.rows / TICK_ROWS, 1.0 if self.ended_by_time else 0.0)


class OpenBlock:
    """The block that is being filled.

    rows: at which it ends. seconds: of stream time after which it ends.
    """

    def __init__(self, rows: int, seconds: float) -> None:
        self._limit = rows
        self._milliseconds = 1000 * seconds
        self._parts: dict[Partition, list[BucketCounts]] = {}
        self._start = Position(0, 0, {})
        self._rows = 0
        self._last_timestamp = 0
        self._timed_out = False

    @property
    def due(self) -> bool:
        """True when the block has ended."""
        return self._rows >= self._limit or self._timed_out

    def records_to_end(self, rows: NDArray[np.int64], timestamps: NDArray[np.int64]) -> int:
        """How many of the coming records still belong to the block, all of them or fewer.

        rows: of each record, at least 1. timestamps: of each, in milliseconds.
        """
        first = self._start.timestamp if self._rows else int(timestamps[0])
        ends = (np.cumsum(rows) >= self._limit - self._rows) | (
            timestamps.astype(np.float64) - first >= self._milliseconds
        )
        last = int(ends.argmax())
        return last + 1 if ends[last] else len(rows)

    def add(
        self, summary: Summary, rows_before: int, next_offsets: Mapping[Partition, int]
    ) -> None:
        """Count a summary. rows_before, next_offsets: of the stream, before the summary."""
        if not self._rows:
            self._start = Position(rows_before, summary.first_timestamp, dict(next_offsets))
        # A partition that comes for the first time begins here, and so may its drift.
        if summary.partition not in self._start.next_offsets:
            known = {**self._start.next_offsets, summary.partition: summary.first_offset}
            self._start = replace(self._start, next_offsets=known)
        self._parts.setdefault(summary.partition, []).append(summary.errors)
        self._rows += summary.errors.total
        self._last_timestamp = max(self._last_timestamp, summary.last_timestamp)
        elapsed = summary.last_timestamp - self._start.timestamp
        self._timed_out = self._timed_out or elapsed >= self._milliseconds

    def take(self) -> Block:
        """Return the block, and begin another."""
        block = Block(
            counts={p: BucketCounts.merged(parts) for p, parts in sorted(self._parts.items())},
            start=self._start,
            rows=self._rows,
            last_timestamp=self._last_timestamp,
            ended_by_time=self._rows < self._limit,
        )
        self._parts = {}
        self._rows = self._last_timestamp = 0
        self._timed_out = False
        return block

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        parts = {p: BucketCounts.merged(c) for p, c in sorted(self._parts.items())}
        return {
            "parts": [
                {"topic": p.topic, "partition": p.number, "buckets": c.buckets, "counts": c.counts}
                for p, c in parts.items()
            ],
            "start": position_state(self._start),
            "rows": self._rows,
            "last_timestamp": self._last_timestamp,
            "timed_out": self._timed_out,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._parts = {
            Partition(part["topic"], part["partition"]): [
                BucketCounts(np.array(part["buckets"]), np.array(part["counts"]))
            ]
            for part in state["parts"]
        }
        self._start = restored_position(state["start"])
        self._rows = int(state["rows"])
        self._last_timestamp = int(state["last_timestamp"])
        self._timed_out = bool(state["timed_out"])


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
        self.ticks += block.ticks
        newest = block.last_timestamp / 1000
        gap = newest - self._newest if math.isfinite(self._newest) else 0.0
        elapsed = min(max(gap, 0.0), LONGEST_GAP_SECONDS)
        self._newest = newest if gap < -JUMP_SECONDS else max(self._newest, newest)
        self.seconds += elapsed
        kept = math.exp(-block.ticks / 256)
        self._recent_rows = kept * self._recent_rows + block.rows
        self._recent_seconds = kept * self._recent_seconds + elapsed

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


def position_state(position: Position) -> dict[str, Any]:
    """A position as plain values."""
    return {
        "rows": position.rows,
        "timestamp": position.timestamp,
        "next_offsets": offsets_state(position.next_offsets),
    }


def restored_position(state: Mapping[str, Any]) -> Position:
    """The position that `position_state` was called on."""
    offsets = restored_offsets(state["next_offsets"])
    return Position(int(state["rows"]), int(state["timestamp"]), offsets)


def offsets_state(offsets: Mapping[Partition, int]) -> list[list[Any]]:
    """Offsets by partition as plain values."""
    return [[p.topic, p.number, offset] for p, offset in sorted(offsets.items())]


def restored_offsets(state: Any) -> dict[Partition, int]:
    """The offsets that `offsets_state` was called on."""
    return {Partition(str(topic), int(number)): int(offset) for topic, number, offset in state}
