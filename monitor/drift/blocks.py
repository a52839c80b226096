"""Blocks: the rows that drift is evaluated on at once, and where they lie in the stream.

A block ends with the record that brings it to its number of rows, or with the first record that
is some seconds younger than its first one, so that a slow stream is judged too. One of another
partition that is an hour younger or more ends none: its clock is another one. All of it depends on
the records alone: however they came in batches, the blocks are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from monitor.drift.channels.tally import Tally
from monitor.drift.next_offsets import NextOffsets, offsets_state, restored_offsets
from monitor.drift.readings import UNKNOWN, Readings, joined, of_block
from monitor.stream.records import Partition

Index = NDArray[np.int64]

TICK_ROWS: Final = 256
"""Rows of one tick: the unit in which a drift's duration is measured."""

OTHER_CLOCK: Final = 3_600_000
"""Milliseconds. Timestamps of two partitions so far apart do not tell how much time has passed."""


class Position(NamedTuple):
    """A place in the stream, before some record.

    rows: counted before it. timestamp: of that record, in milliseconds since the epoch.
    next_offsets: the next one of each partition seen so far.
    """

    rows: int
    timestamp: int
    next_offsets: Mapping[Partition, int]


class Block(NamedTuple):
    """Rows to evaluate, at least one, and where the block begins.

    partitions: by their numbers; may grow at its end. partition: number of each row's partition,
    and buckets: of each row's error, both int64 (rows,), in any order. last_timestamp: the newest
    record's. ended_by_time: time had passed, and it may be small. readings: what its records say
    of the time; None if that is last_timestamp alone. channels: of its rows, if they have any.
    """

    partitions: Sequence[Partition]
    partition: Index
    buckets: Index
    start: Position
    last_timestamp: int
    ended_by_time: bool
    readings: Readings | None = None
    channels: Tally | None = None

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.buckets.size

    @property
    def counts(self) -> BucketCounts:
        """The errors of all partitions together."""
        return BucketCounts.from_buckets(self.buckets)

    @property
    def ticks(self) -> float:
        """Its share in durations: rows in units of TICK_ROWS, or 1 if it ended by time."""
        return ticks_of(self.rows, self.ended_by_time)


def ticks_of(rows: int, ended_by_time: bool) -> float:
    """The share of a block in durations: see `Block`."""
    return max(rows / TICK_ROWS, 1.0 if ended_by_time else 0.0)


class OpenBlock:
    """The block that is being filled.

    limit: rows at which it ends. seconds: of stream time after which it ends.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self._milliseconds = 1000 * seconds
        self._partition: list[Index] = []
        self._buckets: list[Index] = []
        self._readings: list[Readings] = []
        self._start = Position(0, 0, {})
        self._first = -1
        self._rows = 0
        self._last_timestamp = 0
        self._timed_out = False

    @property
    def due(self) -> bool:
        """True when the block has ended."""
        return self._rows >= self.limit or self._timed_out

    def cuts(self, row_ends: Index | None, timestamps: Index, partition: Index) -> list[int]:
        """Where the blocks end among coming records, ascending, and the number of the records.

        row_ends: rows of the records up to the end of each, (n,); None if each has one row.
        timestamps: (n,), in milliseconds, n at least 1. partition: (n,), numbers.
        """
        size = timestamps.size
        timeless = self._timeless(timestamps)
        if row_ends is None and timeless:
            cuts = list(range(self.limit - self._rows, size, self.limit))
            return [*cuts, size]
        if row_ends is None:
            row_ends = np.arange(1, size + 1)
        cuts, start, missing = [], 0, self.limit - self._rows
        first = self._start.timestamp if self._rows else int(timestamps[0])
        number = self._first if self._rows else int(partition[0])
        while True:
            before = int(row_ends[start - 1]) if start else 0
            end = min(int(np.searchsorted(row_ends, before + missing)) + 1, size)
            if not timeless:
                late = self._late(timestamps[start:end], partition[start:end], first, number)
                end = end if late is None else start + late + 1
            cuts.append(end)
            if end == size:
                return cuts
            start, missing = end, self.limit
            first, number = int(timestamps[end]), int(partition[end])

    def _timeless(self, timestamps: Index) -> bool:
        """True if no time passes that could end a block."""
        earliest = int(np.minimum.reduce(timestamps))
        if self._rows:
            earliest = min(earliest, self._start.timestamp)
        return int(np.maximum.reduce(timestamps)) - earliest < self._milliseconds

    def _late(self, timestamps: Index, partition: Index, first: int, number: int) -> int | None:
        """The first of some records that ends a block by time; None if none does.

        first: when the block began. number: of the partition of its first record, or -1.
        """
        newest = int(timestamps.max()) - first
        if newest < self._milliseconds:
            return None
        late = timestamps >= first + math.ceil(self._milliseconds)
        if newest >= OTHER_CLOCK and number >= 0:
            late &= (timestamps < first + OTHER_CLOCK) | (partition == number)
        at = int(late.argmax())
        return at if late[at] else None

    def ends(self, timestamps: Index, partition: Index) -> bool:
        """True if time ends the block with these records, the next ones. Both: (n,)."""
        return self._late(timestamps, partition, self._start.timestamp, self._first) is not None

    @property
    def rows(self) -> int:
        """How many were added."""
        return self._rows

    @property
    def parts(self) -> tuple[list[Index], list[Index], Position, int]:
        """Partitions and buckets of its rows, its start and its newest timestamp."""
        return self._partition, self._buckets, self._start, self._last_timestamp

    @property
    def readings(self) -> list[Readings]:
        """What its records say of the time, each of a part of it."""
        return self._readings

    def begin(self, rows_before: int, timestamp: int, partition: int, offsets: NextOffsets) -> None:
        """The next rows are of this record, if none were added yet.

        rows_before, offsets: of the stream, before the record. partition: its number.
        """
        if not self._rows:
            self._first = partition
            self._start = Position(rows_before, timestamp, offsets.snapshot())

    def meet(self, first: Mapping[Partition, int]) -> None:
        """Partitions that come for the first time begin here, and so may their drift.

        first: the first offset of each.
        """
        known = self._start.next_offsets
        new = {p: offset for p, offset in first.items() if p not in known}
        if new:
            start = self._start
            self._start = Position(start.rows, start.timestamp, {**known, **new})

    def add(
        self,
        partition: Index,
        buckets: Index,
        last_timestamp: int,
        readings: Readings,
        *,
        last: bool,
    ) -> None:
        """Add rows, one or more: see `Block`.

        last_timestamp: of their newest record. last: time ends the block with them.
        """
        self._readings.append(readings)
        self._partition.append(partition)
        self._buckets.append(buckets)
        self._rows += buckets.size
        self._last_timestamp = max(self._last_timestamp, last_timestamp)
        self._timed_out |= last

    def take(self, partitions: Sequence[Partition], channels: Tally | None = None) -> Block:
        """Return the block, and begin another. partitions: by their numbers."""
        block = Block(
            partitions=partitions,
            partition=_joined(self._partition),
            buckets=_joined(self._buckets),
            start=self._start,
            last_timestamp=self._last_timestamp,
            ended_by_time=self._rows < self.limit,
            readings=joined(self._readings),
            channels=channels,
        )
        self.skip(self._start)
        return block

    def skip(self, start: Position) -> None:
        """Begin another block: this one and some more were taken. start: of the last of them."""
        self._start = start
        self._partition, self._buckets, self._readings = [], [], []
        self._rows = self._last_timestamp = 0
        self._timed_out = False

    def state(self, partitions: Sequence[Partition]) -> dict[str, Any]:
        """Everything that `restore` needs. partitions: by their numbers."""
        return {
            "parts": list(self._parts(partitions)),
            "start": position_state(self._start),
            "first": list(partitions[self._first]) if self._rows and self._first >= 0 else None,
            "rows": self._rows,
            "last_timestamp": self._last_timestamp,
            "timed_out": self._timed_out,
            "arrival": max((r.arrivals[0] for r in self._readings), default=UNKNOWN),
        }

    def _parts(self, partitions: Sequence[Partition]) -> Iterator[dict[str, Any]]:
        if not self._rows:
            return
        partition, buckets = _joined(self._partition), _joined(self._buckets)
        readings = joined(self._readings)
        found = ((partitions[number], number) for number in np.unique(partition).tolist())
        for p, number in sorted(found):
            counts = BucketCounts.from_buckets(buckets[partition == number])
            yield {
                "topic": p.topic,
                "partition": p.number,
                "buckets": counts.buckets,
                "counts": counts.counts,
                "newest": int(readings.newest[readings.partition == number].max()),
            }

    def restore(self, state: Mapping[str, Any], number: Callable[[Partition], int]) -> None:
        """Go on where `state` was called. number: gives that of a partition."""
        self._partition, self._buckets, self._readings = [], [], []
        for part in state["parts"]:
            counts = BucketCounts(np.array(part["buckets"]), np.array(part["counts"]))
            self._buckets.append(counts.each())
            of = number(Partition(part["topic"], part["partition"]))
            self._partition.append(np.full(counts.total, of))
            newest = int(part.get("newest", state["last_timestamp"]))  # earlier versions had none
            arrival = int(state.get("arrival", UNKNOWN))
            self._readings.append(of_block(np.array([of]), np.array([newest]), arrival))
        self._start = restored_position(state["start"])
        first = state.get("first")  # earlier versions did not tell
        self._first = number(Partition(*first)) if first else -1
        self._rows = int(state["rows"])
        self._last_timestamp = int(state["last_timestamp"])
        self._timed_out = bool(state["timed_out"])


def _joined(parts: list[Index]) -> Index:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


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
