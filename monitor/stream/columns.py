"""Records as columns: what one poll or one batch holds, without a Python object for each record.

    partition   0     0     1     0       index into `partitions`
    offset      17    18    4     19
    timestamp   ...   ...   ...   ...
    value       b".." b".." None  b".."

A normal record passes through the daemon as a row of these columns. Only what people or other
programs are to see of one record, a dead letter or an anomaly, is made a `Record`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.stream.records import Gap, Partition, Record

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some records in arrival order, each partition's in offset order.

    partitions: those that `partition` (n,) points into; there may be some without a record.
    offsets, next_offsets, timestamps (milliseconds since the epoch), sizes (bytes of key, value
    and headers): int64 (n,). values, keys: references to what came. headers: as the client gave
    them; `record` brings them into our form. gaps: by position, those that stand for offsets
    that cannot be read. arrivals: when each came, int64 (n,), in milliseconds since the epoch, or
    -1 if nobody told; None if nobody told of any.
    """

    partitions: tuple[Partition, ...]
    partition: Index
    offsets: Index
    next_offsets: Index
    timestamps: Index
    values: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    headers: Sequence[Any]
    sizes: Index
    gaps: Mapping[int, Gap] = field(default_factory=dict)
    arrivals: Index | None = None

    __hash__ = None  # type: ignore[assignment]  # arrays are not hashable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and list(self) == list(other)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Record]:
        """The records one by one, for people and for tests: nothing that is fast."""
        return (self.record(i) for i in range(len(self)))

    @classmethod
    def none(cls) -> Self:
        """No records."""
        return cls.of(())

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """The columns of records that exist already."""
        records = tuple(records)
        index = {p: i for i, p in enumerate(dict.fromkeys(record.source for record in records))}
        return cls(
            partitions=tuple(index),
            partition=_whole(index[record.source] for record in records),
            offsets=_whole(record.offset for record in records),
            next_offsets=_whole(record.next_offset for record in records),
            timestamps=_whole(record.timestamp for record in records),
            values=[record.value for record in records],
            keys=[record.key for record in records],
            headers=[record.headers for record in records],
            sizes=_whole(record.size for record in records),
            gaps={i: record.gap for i, record in enumerate(records) if record.gap is not None},
        )

    @classmethod
    def of_gap(cls, partition: Partition, first: int, gap: Gap) -> Self:
        """One that stands for the offsets from `first` on that nobody can read."""
        number = partition.number
        return cls.of([Record(partition.topic, number, first, -1, None, None, (), gap)])

    @classmethod
    def consecutive(
        cls,
        partition: Partition,
        offsets: Sequence[int],
        timestamps: Sequence[int],
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None],
        headers: Sequence[Any],
    ) -> Self:
        """What a client gave of one partition: no gaps. headers: pairs of name and value each."""
        at = np.array(offsets, dtype=np.int64)
        return cls(
            partitions=(partition,),
            partition=np.zeros(at.size, dtype=np.int64),
            offsets=at,
            next_offsets=at + 1,
            timestamps=np.array(timestamps, dtype=np.int64),
            values=values,
            keys=keys,
            headers=headers,
            sizes=_sizes(values, keys, headers),
        )

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """The records of all parts, one after the other."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls.none()
        if len(parts) == 1:
            return parts[0]
        known: dict[Partition, int] = {}
        for part in parts:
            for partition in part.partitions:
                known.setdefault(partition, len(known))
        starts = np.cumsum([0, *map(len, parts)]).tolist()
        return cls(
            partitions=tuple(known),
            partition=np.concatenate(
                [np.array([known[p] for p in part.partitions])[part.partition] for part in parts]
            ),
            offsets=np.concatenate([part.offsets for part in parts]),
            next_offsets=np.concatenate([part.next_offsets for part in parts]),
            timestamps=np.concatenate([part.timestamps for part in parts]),
            values=[value for part in parts for value in part.values],
            keys=[key for part in parts for key in part.keys],
            headers=[headers for part in parts for headers in part.headers],
            sizes=np.concatenate([part.sizes for part in parts]),
            gaps={
                start + i: gap
                for start, part in zip(starts, parts, strict=False)
                for i, gap in part.gaps.items()
            },
            arrivals=_arrivals(parts),
        )

    def came(self, milliseconds: int) -> Columns:
        """The same, with the time at which they came, since the epoch."""
        return replace(self, arrivals=np.full(len(self), milliseconds)) if len(self) else self

    def part(self, start: int, stop: int) -> Columns:
        """The records from `start` to before `stop`; the arrays are not copied."""
        if start <= 0 and stop >= len(self):
            return self
        rows = slice(start, stop)
        return type(self)(
            partitions=self.partitions,
            partition=self.partition[rows],
            offsets=self.offsets[rows],
            next_offsets=self.next_offsets[rows],
            timestamps=self.timestamps[rows],
            values=self.values[rows],
            keys=self.keys[rows],
            headers=self.headers[rows],
            sizes=self.sizes[rows],
            gaps={i - start: gap for i, gap in self.gaps.items() if start <= i < stop},
            arrivals=None if self.arrivals is None else self.arrivals[rows],
        )

    def where(self, wanted: NDArray[np.bool_]) -> Columns:
        """The records for which `wanted` (n,) is true."""
        return self if wanted.all() else self.at(wanted.nonzero()[0])

    def at(self, positions: Index) -> Columns:
        """The records at some positions (m,), each once, in that order."""
        moved = {int(old): new for new, old in enumerate(positions.tolist())}
        return type(self)(
            partitions=self.partitions,
            partition=self.partition[positions],
            offsets=self.offsets[positions],
            next_offsets=self.next_offsets[positions],
            timestamps=self.timestamps[positions],
            values=[self.values[i] for i in moved],
            keys=[self.keys[i] for i in moved],
            headers=[self.headers[i] for i in moved],
            sizes=self.sizes[positions],
            gaps={moved[i]: gap for i, gap in self.gaps.items() if i in moved},
            arrivals=None if self.arrivals is None else self.arrivals[positions],
        )

    def of_partitions(self, partitions: Iterable[Partition]) -> NDArray[np.bool_]:
        """Whether each record is of one of these partitions, bool (n,)."""
        wanted = set(partitions)
        return np.array([p in wanted for p in self.partitions], dtype=np.bool_)[self.partition]

    def last_of_each(self) -> dict[Partition, int]:
        """Position of each partition's last record, for those that have any."""
        last = np.full(len(self.partitions), -1, dtype=np.int64)
        last[self.partition] = np.arange(len(self))  # of equal indices the last one stays
        return {p: i for p, i in zip(self.partitions, last.tolist(), strict=True) if i >= 0}

    def ends(self) -> dict[Partition, int]:
        """Where to go on with each partition after these records."""
        return {p: int(self.next_offsets[i]) for p, i in self.last_of_each().items()}

    def record(self, i: int) -> Record:
        """One record as people see it."""
        partition = self.partitions[self.partition[i]]
        return Record(
            topic=partition.topic,
            partition=partition.number,
            offset=int(self.offsets[i]),
            timestamp=int(self.timestamps[i]),
            key=self.keys[i],
            value=self.values[i],
            headers=tuple(self.headers[i] or ()),
            gap=self.gaps.get(i),
        )


def first_time(
    partition: Index, offsets: Index, next_offsets: Index, expected: Index
) -> NDArray[np.bool_] | None:
    """Whether each record comes for the first time, bool (n,); None if all of them do.

    expected: the first offset of each partition that has not come yet. Within a partition records
    are in offset order, but for repetitions.
    """
    if expected.size == 1:
        later = offsets[1:] >= next_offsets[:-1]
        if offsets[0] >= expected[0] and np.logical_and.reduce(later):
            return None
    elif _each_in_order(partition, offsets, next_offsets, expected):
        return None
    reached = expected.tolist()
    new = []
    for number, offset, end in zip(
        partition.tolist(), offsets.tolist(), next_offsets.tolist(), strict=True
    ):
        new.append(offset >= reached[number])
        if new[-1]:
            reached[number] = end
    return np.array(new, dtype=np.bool_)


def _each_in_order(partition: Index, offsets: Index, next_offsets: Index, expected: Index) -> bool:
    """Whether no record begins before the end of one before it in its partition."""
    if not np.logical_and.reduce(offsets >= expected.take(partition)):
        return False
    if not np.logical_and.reduce(partition[1:] >= partition[:-1]):
        # NumPy sorts 16 bits several times as fast.
        narrow = partition.astype(np.uint16) if expected.size < 2**16 else partition
        order = narrow.argsort(kind="stable")
        partition, offsets, next_offsets = partition[order], offsets[order], next_offsets[order]
    later = offsets[1:] >= next_offsets[:-1]
    later |= partition[1:] != partition[:-1]
    return bool(np.logical_and.reduce(later))


def _arrivals(parts: Sequence[Columns]) -> Index | None:
    if all(part.arrivals is None for part in parts):
        return None
    return np.concatenate(
        [np.full(len(p), -1) if p.arrivals is None else p.arrivals for p in parts]
    )


def _whole(numbers: Iterable[int]) -> Index:
    return np.array(list(numbers), dtype=np.int64)


def _sizes(
    values: Sequence[bytes | None], keys: Sequence[bytes | None], headers: Sequence[Any]
) -> Index:
    try:
        sizes = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
    except TypeError:  # a tombstone among them
        sizes = _whole(0 if value is None else len(value) for value in values)
    if any(keys):
        sizes += _whole(0 if key is None else len(key) for key in keys)
    if any(headers):
        sizes += _whole(sum(len(n) + len(v or b"") for n, v in each or ()) for each in headers)
    return sizes
