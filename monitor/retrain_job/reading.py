"""From offset ranges to rows: decoded, thinned evenly to a bounded number, in the stream's order.

What could not be had is counted: offsets that are gone, records that cannot be decoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.headers import Pairs
from monitor.errors import DecodeError
from monitor.retrain_job.ranges import BLOCK, Ranges, Runs, cut, spread
from monitor.retrain_job.rows import RowsOf
from monitor.stream.records import Partition, Record

MAX_ELEMENTS: Final = 2**28
"""Most numbers kept: 1 GiB as the network sees them."""
DecodeOne = Callable[[bytes | None, Pairs], NDArray[Any]]
"""Rows of one payload with the headers of its record; raises DecodeError."""
NAMED: Final = 10
"""Most records that cannot be decoded that are named."""


class Reader(Protocol):
    """Where records come from: `OffsetReader`."""

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset and end of what can be read of each partition."""

    def records(self, partition: Partition, run: range) -> Iterator[Record]:
        """The records of consecutive offsets, in order."""


@dataclass(slots=True)
class Account:
    """What became of the offsets that were asked for.

    gone: deleted before they could be read. missing: at or after the end of the log. chosen:
    offsets that were read, of those that are there. records: messages among them; the others are
    markers, or were compacted away. bad: records that cannot be scored, by reason (one of
    errors.REASONS); examples: the first of them, with place and reason. rows: decoded; kept: after
    thinning.
    """

    ranges: Ranges
    gone: int = 0
    missing: int = 0
    chosen: int = 0
    records: int = 0
    rows: int = 0
    kept: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """All offsets of the ranges."""
        return sum(after - first for first, after in self.ranges.values())

    def refuse(self, record: Record, reason: str, error: str) -> None:
        """Count a record, or a range of offsets, that cannot be scored."""
        self.bad[reason] += record.next_offset - record.offset
        if len(self.examples) < NAMED:
            self.examples.append(f"{record.source}/{record.offset}: {reason}, {error}"[:200])


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows in the order of the stream.

    rows: (n, *record_shape). timestamps: (n,) milliseconds since the epoch, -1 if not known.
    """

    rows: NDArray[Any]
    timestamps: NDArray[np.int64]

    def part(self, start: int, stop: int) -> Stretch:
        """Rows start to stop."""
        return Stretch(self.rows[start:stop], self.timestamps[start:stop])

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Consecutive rows; place: of each, as a share of its partition's range."""

    rows: NDArray[Any]
    timestamps: NDArray[np.int64]
    place: NDArray[np.float64]


class Sample:
    """Keeps at most `most` rows of those added, in pieces that are spread evenly over all.

    When there are too many, every second piece is dropped, and from then on every second is taken:
    between half of `most` and all of it is kept, whatever comes. Memory holds one piece more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._length = max(1, min(BLOCK, most // 4))
        self._pieces: list[_Piece] = []
        self._open: list[_Piece] = []
        self._every = 1
        self._number = 0

    def add(self, rows: NDArray[Any], timestamp: int, place: float) -> None:
        """Add the rows of one record."""
        for start in range(0, len(rows), self._length):
            part = rows[start : start + self._length]
            stamps = np.full(len(part), timestamp, dtype=np.int64)
            self._open.append(_Piece(part, stamps, np.full(len(part), place)))
            if sum(len(piece.rows) for piece in self._open) >= self._length:
                self.end_piece()

    def end_piece(self) -> None:
        """What comes next is not a neighbour of what came last."""
        if self._open and self._number % self._every == 0:
            self._pieces.append(_merged(self._open))
            while len(self._pieces) > 1 and self._kept > self._most:
                self._pieces = self._pieces[::2]
                self._every *= 2
        self._number += bool(self._open)
        self._open = []

    @property
    def _kept(self) -> int:
        return sum(len(piece.rows) for piece in self._pieces)

    def stretch(self, record_shape: tuple[int, ...]) -> Stretch:
        """What was kept, oldest first.

        By timestamp; where they are alike, as in topics without, by the place in the range.
        """
        self.end_piece()
        if not self._pieces:
            return Stretch(np.empty((0, *record_shape)), np.empty(0, dtype=np.int64))
        kept = _merged(self._pieces)
        order = np.lexsort((kept.place, kept.timestamps))
        return Stretch(kept.rows[order], kept.timestamps[order])


def _merged(pieces: list[_Piece]) -> _Piece:
    return _Piece(
        np.concatenate([piece.rows for piece in pieces]),
        np.concatenate([piece.timestamps for piece in pieces]),
        np.concatenate([piece.place for piece in pieces]),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Most rows to keep, the shape of each, and the seed of the choice."""

    most: int
    record_shape: tuple[int, ...]
    seed: int = 0

    @property
    def rows(self) -> int:
        """Most rows, fewer where they are large."""
        return max(1, min(self.most, MAX_ELEMENTS // int(np.prod(self.record_shape))))


def plan(reader: Reader, ranges: Ranges, limits: Limits) -> tuple[Account, Runs]:
    """Which offsets to read; what is not there any more, or not yet, is in the account."""
    account = Account(dict(ranges))
    bounds = reader.bounds(ranges)
    there = cut(ranges, bounds)
    for partition, (first, after) in ranges.items():
        begin, end = bounds[partition]
        account.gone += max(0, min(begin, after) - first)
        account.missing += max(0, after - max(end, first))
    runs = spread(there, limits.rows, limits.seed)
    account.chosen = sum(len(run) for found in runs.values() for run in found)
    return account, runs


def read(
    reader: Reader,
    account: Account,
    runs: Runs,
    rows_of: RowsOf,
    limits: Limits,
    advance: Callable[[int], None] = lambda offsets: None,
) -> Stretch:
    """The rows of what was planned, oldest first; the account says what became of the rest.

    rows_of: raises DecodeError for what cannot be scored. advance: told how many offsets were
    done. Memory: the rows kept, and what the consumer has fetched.
    """
    sample = Sample(limits.rows)
    for partition, found in runs.items():
        first, after = account.ranges[partition]
        for run in found:
            done = run.start
            rows_of.begin()
            for record in reader.records(partition, run):
                _take(record, account, rows_of, sample, (record.offset - first) / (after - first))
                advance(record.next_offset - done)
                done = record.next_offset
            advance(run.stop - done)
            sample.end_piece()
    stretch = sample.stretch(limits.record_shape)
    account.kept = len(stretch)
    return stretch


def _take(
    record: Record,
    account: Account,
    rows_of: RowsOf,
    sample: Sample,
    place: float,
) -> None:
    if record.gap is not None and record.gap.reason == "expired":
        account.gone += record.next_offset - record.offset
        return
    if record.gap is not None:
        account.refuse(record, record.gap.reason, record.gap.error)
        return
    account.records += 1
    try:
        rows = rows_of(record)
    except DecodeError as error:
        account.refuse(record, error.reason, str(error))
        return
    account.rows += len(rows)
    sample.add(rows, record.timestamp, place)
