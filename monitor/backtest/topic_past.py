"""The past records of a topic, read beside the daemon: no group is joined, nothing committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np

from monitor.backtest.merging import merged
from monitor.errors import DataError
from monitor.stream.batching import Batcher, BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.json_values import isoformat
from monitor.stream.records import Partition

HELD_BYTES: Final = 32 << 20
"""Payloads of all partitions that are held at once, about."""
LEAST_BYTES: Final = 64 << 10
"""Of one of them: fewer would fetch the same again and again."""
HELD_RECORDS: Final = 16_384
"""Of one partition, about: those of small payloads cost more than these."""
Spans = Mapping[Partition, range]


class Reader(Protocol):
    """What records are read with: `OffsetReader`."""

    def partitions_of(self, topic: str) -> list[Partition]:
        """Those of a topic, in order."""

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset and end of what can be read of each."""

    def since(self, partitions: Iterable[Partition], timestamp: int) -> dict[Partition, int | None]:
        """The first offset of each that is not before a time, None if none is."""

    def columns(self, partition: Partition, run: range) -> Iterator[Columns]:
        """The records of consecutive offsets, in order."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be read of a topic. begin, end: of time, in milliseconds since the epoch, or None.

    spans: the offsets of each partition. bounds: what could be read of each when it was planned.
    """

    topic: str
    begin: int | None
    end: int | None
    spans: Spans
    bounds: Mapping[Partition, tuple[int, int]]

    @property
    def offsets(self) -> int:
        """In all."""
        return sum(map(len, self.spans.values()))

    @property
    def source(self) -> str:
        """For people."""
        begin = "" if self.begin is None else f" from {isoformat(self.begin)}"
        end = "" if self.end is None else f" to {isoformat(self.end)}"
        return f"topic {self.topic}{begin}{end}"


def plan(reader: Reader, topic: str, begin: int | None, end: int | None) -> Stretch:
    """From the first record of each partition that is stamped `begin` or later to before the first
    that is stamped `end` or later; without them, all that is there now.

    Raises UserError if there is no such topic, or no record.
    """
    partitions = reader.partitions_of(topic)
    bounds = reader.bounds(partitions)
    first = {p: bounds[p][0] for p in partitions}
    after = {p: bounds[p][1] for p in partitions}
    if begin is not None:
        found = reader.since(partitions, begin)
        first = {p: after[p] if found[p] is None else int(found[p] or 0) for p in partitions}
    if end is not None:
        found = reader.since(partitions, end)
        after = {p: after[p] if found[p] is None else int(found[p] or 0) for p in partitions}
    spans = {p: range(first[p], min(after[p], bounds[p][1])) for p in partitions}
    stretch = Stretch(topic, begin, end, spans, bounds)
    if not stretch.offsets:
        raise DataError(f"{stretch.source}: there are no records. Look at --from and --to")
    return stretch


@dataclass(slots=True)
class Account:
    """What became of the offsets of each partition. reached: how many were passed. records: that
    were read. unreadable: offsets in batches that cannot be. deleted: while it was read."""

    reached: Counter[Partition] = field(default_factory=Counter)
    records: Counter[Partition] = field(default_factory=Counter)
    unreadable: Counter[Partition] = field(default_factory=Counter)
    deleted: Counter[Partition] = field(default_factory=Counter)

    def take(self, partition: Partition, part: Columns) -> Columns:
        """Count records of one partition; returns those that are still there."""
        kept = np.ones(len(part), dtype=np.bool_)
        lengths = part.next_offsets - part.offsets
        for i, gap in part.gaps.items():
            kept[i] = gap.reason != "expired"
            count = self.unreadable if kept[i] else self.deleted
            count[partition] += int(lengths[i])
        self.records[partition] += len(part) - len(part.gaps)
        return part.where(kept)


class TopicPast:
    """Implements `Past` for a stretch of a topic.

    reader: may be used by nobody else meanwhile. Memory: some 32 MB of payloads, and as much as
    the client fetches ahead, however long the stretch is.
    """

    column: str | None = None
    rate: float | None = None
    words = "the records' timestamps"

    def __init__(self, reader: Reader, stretch: Stretch) -> None:
        self.source = stretch.source
        self.stretch = stretch
        self.account = Account()
        self._reader = reader

    def batches(self, limits: BatchLimits) -> Iterator[Columns]:
        """See `Past`: the partitions as `merged` says. Raises UserError if a broker stalls."""
        spans = {p: span for p, span in self.stretch.spans.items() if span}
        most = max(LEAST_BYTES, HELD_BYTES // len(spans))
        parts = {
            p: self._counted(p, self._parts(p, span, most if len(spans) > 1 else None))
            for p, span in spans.items()
        }
        batcher = Batcher(replace(limits, linger_seconds=1.0))
        for part in merged(parts):
            batcher.add(part, 0.0)
            while batcher.due(0.0):  # no time passes: when it is full
                yield batcher.take()
        while batcher.records:
            yield batcher.take()

    def _counted(self, partition: Partition, parts: Iterator[Columns]) -> Iterator[Columns]:
        span = self.stretch.spans[partition]
        for part in parts:
            left = self.account.take(partition, part)
            self.account.reached[partition] = int(part.next_offsets[-1]) - span.start
            if len(left):
                yield left
        self.account.reached[partition] = len(span)

    def _parts(self, partition: Partition, span: range, most: int | None) -> Iterator[Columns]:
        """Its records. most: bytes to hold before another partition is read; None if none is."""
        if most is None:
            yield from self._reader.columns(partition, span)
            return
        left = span
        while left:
            held: list[Columns] = []
            for part in self._reader.columns(partition, left):
                held.append(part)
                if _enough(held, most):
                    break
            else:
                left = range(0)  # what follows the last record are markers
            if held:
                yield Columns.joined(held)
            left = range(int(held[-1].next_offsets[-1]), left.stop) if left else left

    def address(self, partition: Partition, offset: int) -> str:
        """See `Past`."""
        return f"{partition}, offset {offset:,}"

    def without(self, partition: Partition) -> int:
        """Offsets that were read and hold no record."""
        account = self.account
        told = account.records[partition] + account.unreadable[partition]
        return account.reached[partition] - told - account.deleted[partition]

    def before(self, partition: Partition) -> int:
        """Offsets before the first that is there, if the stretch begins with it."""
        begin = self.stretch.bounds[partition][0]
        return begin if self.stretch.spans[partition].start == begin else 0

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Past`."""
        spans = self.stretch.spans
        deleted, without, before = (
            sum(map(each, spans))
            for each in (self.account.deleted.__getitem__, self.without, self.before)
        )
        unreadable = self.account.unreadable.total()
        return tuple(
            text
            for count, text in (
                (before, f"{before:,} offsets before the first record were deleted by now"),
                (deleted, f"{deleted:,} offsets were deleted while they were read"),
                (
                    without,
                    f"{without:,} offsets hold no record: compacted away, or of transactions",
                ),
                (unreadable, f"{unreadable:,} offsets are in batches that cannot be read"),
            )
            if count
        )

    @property
    def topic(self) -> dict[str, Any] | None:
        """See `Past`."""
        stretch = self.stretch
        return {
            "name": stretch.topic,
            "from": None if stretch.begin is None else isoformat(stretch.begin),
            "to": None if stretch.end is None else isoformat(stretch.end),
            "partitions": [
                {
                    "partition": p.number,
                    "first": span.start,
                    "next": span.stop,
                    "deleted_before": self.before(p),
                    "records": self.account.records[p],
                    "unreadable": self.account.unreadable[p],
                    "deleted_meanwhile": self.account.deleted[p],
                    "without_record": self.without(p),
                }
                for p, span in sorted(stretch.spans.items())
            ],
        }


def _enough(held: list[Columns], most: int) -> bool:
    records, size = sum(map(len, held)), sum(int(part.sizes.sum()) for part in held)
    return records >= HELD_RECORDS or size >= most
