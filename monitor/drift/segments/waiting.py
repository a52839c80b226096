"""Rows of all segments that wait to be judged together.

To judge a segment takes about as long for one row as for a few blocks of them. So rows are
collected over batches, for all segments, and dealt out at once. Where that happens follows from
the records alone: however they came in batches, it is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition

Index = NDArray[np.int64]

ROWS_EACH: Final = 512
"""Rows that are collected, for each segment that is known."""
MOST_ROWS: Final = 65_536
LONGEST: Final = 2_000
"""Milliseconds of the stream's timestamps after which rows wait no longer."""


class Numbering:
    """Numbers the partitions, each with the first record of it. partitions: by their numbers."""

    def __init__(self) -> None:
        self.partitions: tuple[Partition, ...] = ()
        self._numbers: dict[Partition, int] = {}

    def number(self, partition: Partition) -> int:
        """The number of a partition; it gets one if it has none."""
        number = self._numbers.setdefault(partition, len(self._numbers))
        if number == len(self.partitions):
            self.partitions = (*self.partitions, partition)
        return number

    def known(self, partition: Partition) -> int | None:
        """The number of a partition; None if it has none."""
        return self._numbers.get(partition)

    def numbers(self, partitions: tuple[Partition, ...], index: Index) -> Index:
        """The number of each record's partition, (n,). index: (n,), into `partitions`."""
        if partitions == self.partitions:
            return index
        return np.array([self.number(p) for p in partitions], dtype=np.int64).take(index)


class Chunk(NamedTuple):
    """Records to be judged together, in the order in which they came.

    slots: of each, and positions: rows of the stream up to the end of each, both int64 (n,).
    """

    records: JudgedRecords
    slots: Index
    positions: Index

    def part(self, start: int, stop: int) -> Chunk:
        """The records from `start` to before `stop`."""
        records = part(self.records, start, stop)
        return Chunk(records, self.slots[start:stop], self.positions[start:stop])


class Waiting:
    """Collects records until there are enough of them. rows: that wait."""

    def __init__(self) -> None:
        self._parts: list[Chunk] = []
        self.rows = 0
        self._limit = ROWS_EACH

    def add(self, chunk: Chunk) -> Iterator[Chunk]:
        """Take records, one or more; yields those that are due."""
        start, size = 0, len(chunk.records)
        while start < size:
            end = self._end(chunk, start)
            taken = chunk.part(start, size if end is None else end)
            self._parts.append(taken)
            self.rows += int(taken.records.errors.size)
            if end is not None:
                yield self._take()
            start = size if end is None else end

    @property
    def partitions(self) -> set[int]:
        """Numbers of the partitions of which any wait."""
        return {int(n) for each in self._parts for n in np.unique(each.records.partition)}

    def rest(self) -> Chunk | None:
        """All that wait, since nothing comes; None if there are none."""
        return self._take() if self._parts else None

    def _end(self, chunk: Chunk, start: int) -> int | None:
        """One past the record with which those that wait are enough; None if none is."""
        before = int(chunk.positions[start]) - int(chunk.records.rows[start])
        by_rows = int(np.searchsorted(chunk.positions, before + self._limit - self.rows))
        records = chunk.records
        first = self._parts[0].records if self._parts else part(records, start, start + 1)
        mine = records.partition[start:] == first.partition[0]
        late = mine & (records.timestamps[start:] >= int(first.timestamps[0]) + LONGEST)
        by_time = start + int(late.argmax()) if late.any() else len(records)
        end = min(by_rows, by_time) + 1
        return end if end <= len(records) else None

    def _take(self) -> Chunk:
        parts, self._parts, self.rows = self._parts, [], 0
        taken = _joined(parts)
        # As many segments as there were will come again.
        self._limit = min(MOST_ROWS, ROWS_EACH * np.unique(taken.slots).size)
        return taken

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        if not self._parts:
            return {"limit": self._limit}
        records, slots, positions = _joined(self._parts)
        used = np.unique(records.partition).tolist()
        ordered = sorted(used, key=lambda number: records.partitions[number])
        places = np.zeros(len(records.partitions), dtype=np.int64)
        places[ordered] = np.arange(len(ordered))
        beside = {"channels": records.channels} if records.channels is not None else {}
        return {
            **beside,
            "limit": self._limit,
            "model_version": records.model_version,
            "partitions": [list(records.partitions[number]) for number in ordered],
            "partition": places[records.partition],
            "offsets": records.offsets,
            "next_offsets": records.next_offsets,
            "timestamps": records.timestamps,
            "rows": records.rows,
            "errors": records.errors,
            "slots": slots,
            "positions": positions,
            "arrival": records.arrivals,
        }

    def restore(self, state: Mapping[str, Any], numbering: Numbering) -> None:
        """Go on where `state` was called. numbering: of the partitions."""
        self._parts, self.rows, self._limit = [], 0, int(state["limit"])
        if "partitions" not in state:
            return
        names = tuple(Partition(*each) for each in state["partitions"])
        partition = numbering.numbers(names, state["partition"])
        records = JudgedRecords(
            str(state["model_version"]),
            numbering.partitions,
            partition,
            state["offsets"],
            state["next_offsets"],
            state["timestamps"],
            state["rows"],
            state["errors"],
            state["arrival"],
            state.get("channels"),
        )
        self._parts = [Chunk(records, state["slots"], state["positions"])]
        self.rows = int(records.errors.size)


def part(records: JudgedRecords, start: int, stop: int) -> JudgedRecords:
    """The records from `start` to before `stop`; the arrays are not copied."""
    if start == 0 and stop >= len(records):
        return records
    row, end = start, stop
    if not records.single:
        ends = records.rows.cumsum()
        row, end = int(ends[start] - records.rows[start]), int(ends[min(stop, len(ends)) - 1])
    at, rows = slice(start, stop), slice(row, end)
    return JudgedRecords(
        records.model_version,
        records.partitions,
        records.partition[at],
        records.offsets[at],
        records.next_offsets[at],
        records.timestamps[at],
        records.rows[at],
        records.errors[rows],
        None if records.arrivals is None else records.arrivals[at],
        None if records.channels is None else records.channels[rows],
    )


def _joined(parts: list[Chunk]) -> Chunk:
    """One after the other. Their partitions have the same numbers; the last one knows them all."""
    if len(parts) == 1:
        return parts[0]
    each = [part.records for part in parts]
    last, channels = each[-1], [r.channels for r in each if r.channels is not None]
    records = JudgedRecords(
        last.model_version,
        last.partitions,
        np.concatenate([r.partition for r in each]),
        np.concatenate([r.offsets for r in each]),
        np.concatenate([r.next_offsets for r in each]),
        np.concatenate([r.timestamps for r in each]),
        np.concatenate([r.rows for r in each]),
        np.concatenate([r.errors for r in each]),
        _arrivals(each),
        np.concatenate(channels) if len(channels) == len(each) else None,
    )
    slots = np.concatenate([part.slots for part in parts])
    return Chunk(records, slots, np.concatenate([part.positions for part in parts]))


def _arrivals(each: list[JudgedRecords]) -> Index | None:
    if all(records.arrivals is None for records in each):
        return None
    return np.concatenate([np.full(len(r), -1) if r.arrivals is None else r.arrivals for r in each])


def in_order(records: JudgedRecords, order: Index) -> JudgedRecords:
    """The records in another order, each with its rows. order: int64 (n,)."""
    rows: NDArray[Any] = order
    if not records.single:
        ends, sizes = records.rows.cumsum(), records.rows[order]
        first = (ends - records.rows)[order] - (sizes.cumsum() - sizes)
        rows = first.repeat(sizes) + np.arange(records.errors.size)
    return JudgedRecords(
        records.model_version,
        records.partitions,
        records.partition[order],
        records.offsets[order],
        records.next_offsets[order],
        records.timestamps[order],
        records.rows[order],
        records.errors[rows],
        None if records.arrivals is None else records.arrivals[order],
        None if records.channels is None else records.channels[rows],
    )
