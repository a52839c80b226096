"""Which segments have fallen silent while others go on, and which have come back.

The partition that a segment's last record was in tells: where others come there, it would come,
too, however partitions are read in turns, or go to other replicas. Records are looked at in chunks,
which depend on the stream alone; where in it a silence becomes incredible is exact. Where nothing
comes of the partition any more, the time tells for which it has been read to its end (`ends.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.budget import Budget
from monitor.drift.segments.ends import Ends
from monitor.drift.segments.gap_columns import GapsOf, Place, Rows, Sorted
from monitor.drift.segments.gaps import SHORTEST, Gaps, restored
from monitor.drift.segments.waiting import Chunk, Numbering
from monitor.stream.records import Partition

Index = NDArray[np.int64]

FEWEST_OTHERS: Final = 64
"""Records that come elsewhere while a partition is quiet: others go on."""
SILENT: Final = "silent"
RETURNED: Final = "returned"


class Told(NamedTuple):
    """A segment has fallen silent, or is back.

    event: SILENT or RETURNED. position: rows of the stream by then. timestamp: of the record that
    shows it. last: the segment's last record before. records, seconds: of the silence so far; no
    records where none came of its partition. usual: the most records and seconds between two
    before.
    """

    event: str
    slot: int
    position: int
    timestamp: int
    last: Place
    records: int
    seconds: float
    usual: tuple[int, float]


class Silence:
    """Watches slots from 0 on; records of slots from `slots` on belong to no one segment.

    budget: of false alarms of each, in its own records. numbering: of partitions.
    """

    def __init__(self, slots: int, budget: Budget, numbering: Numbering) -> None:
        self._slots, self._budget, self._numbering = slots, budget, numbering
        self._gaps: list[Gaps] = []
        self._last: list[Place] = []
        self._came = np.empty(0, dtype=np.int64)  # records of each partition
        self._ends = Ends()

    def since(self, slot: int) -> Place | None:
        """The last record of a segment that is silent now; None if it is not."""
        silent = slot < len(self._gaps) and self._gaps[slot].told
        return self._last[slot] if silent else None

    def look(self, chunk: Chunk, order: Index, bounds: Sequence[int]) -> list[Told]:
        """What the next records tell, in no certain order.

        order: of the records by slots. bounds: where slots begin in it, and its end.
        """
        records = chunk.records
        self._came = np.append(
            self._came, np.zeros(len(records.partitions) - self._came.size, dtype=np.int64)
        )
        by_partition = self._sorted(records.partition)
        starts = np.array(bounds[:-1])
        rows = self._rows(chunk, order, starts, by_partition)
        gaps = self._gaps_of(rows)
        told: list[Told] = []
        for i, slot in enumerate(rows.slots.take(starts).tolist()):
            if slot >= self._slots:
                continue
            start, end = bounds[i : i + 2]
            if gaps.notable[i] or self._gaps[slot].told:
                told += self._meet(slot, rows, gaps, range(start, end), chunk, by_partition)
            else:
                self._gaps[slot].pass_by(*gaps.sums[i])
            self._last[slot] = rows.place(end - 1)
        told += self._open(chunk, by_partition)
        return told

    def _rows(self, chunk: Chunk, order: Index, starts: Index, by_partition: Sorted) -> Rows:
        """The records by slots."""
        records = chunk.records
        came = np.empty(len(records), dtype=np.int64)
        each = np.arange(len(records)) - by_partition.starts[records.partition[by_partition.order]]
        came[by_partition.order] = each + 1
        came += by_partition.before[records.partition]
        slots = chunk.slots[order]
        return Rows(
            order, starts, slots, records.partition[order], came[order],
            records.timestamps[order], records.next_offsets[order],
        )  # fmt: skip

    def _gaps_of(self, rows: Rows) -> GapsOf:
        """The gaps before each of these records; segments that are new get a place."""
        starts, seen = rows.starts, len(self._gaps)
        slots = rows.slots.take(starts).tolist()
        for i, slot in sorted(zip(starts.tolist(), slots, strict=True), key=lambda each: each[1]):
            if seen <= slot < self._slots:
                self._gaps.append(Gaps(self._budget))
                self._last.append(rows.place(i))
        nothing = Place(-1, 0, 0, 0)
        last = [self._last[slot] if slot < seen else nothing for slot in slots]
        at, came, times = (
            np.concatenate([column[:1], column[:-1]])
            for column in (rows.partition, rows.came, rows.timestamps)
        )
        at[starts] = [place.partition for place in last]
        came[starts] = [place.record for place in last]
        times[starts] = [place.timestamp for place in last]
        known = at == rows.partition
        lengths = np.where(known, rows.came - came, -1)
        waits = np.where(known, rows.timestamps - times, 0)
        least = [self._gaps[slot].notable if slot < self._slots else 0 for slot in slots]
        sizes = np.diff(starts, append=lengths.size)
        notable = known & (lengths > np.repeat(least, sizes))
        sums = zip(
            np.add.reduceat(known, starts, dtype=np.int64).tolist(),
            np.add.reduceat(np.maximum(lengths, 0), starts).tolist(),
            np.add.reduceat(waits, starts).tolist(),
            np.maximum.reduceat(waits, starts).tolist(),
            strict=True,
        )
        found = np.logical_or.reduceat(notable, starts).tolist()
        return GapsOf(lengths, waits, notable, found, list(sums))

    def _sorted(self, partition: Index) -> Sorted:
        counts = np.bincount(partition, minlength=self._came.size)
        before = self._came
        self._came = before + counts
        narrow = partition.astype(np.uint16) if self._came.size < 2**16 else partition
        order = narrow.argsort(kind="stable")
        return Sorted(order, np.concatenate([[0], counts.cumsum()]), before)

    def _meet(
        self, slot: int, rows: Rows, found: GapsOf, mine: range, chunk: Chunk,
        by_partition: Sorted,
    ) -> Iterator[Told]:  # fmt: skip
        """Take a segment's records, at `mine` by slots, into account one gap after the other."""
        gaps, last, begin = self._gaps[slot], self._last[slot], mine.start
        if gaps.told:
            length, wait = int(found.lengths[begin]), int(found.waits[begin])
            yield self._returned(slot, last, chunk, int(rows.order[begin]), length)
            gaps.meet(max(0, length), wait)
            begin += 1
        for i in (begin + found.marked[begin : mine.stop].nonzero()[0]).tolist():
            found.pass_by(gaps, begin, i)
            begin = i + 1
            length = int(found.lengths[i])
            if length > gaps.limit:
                before = last if i == mine.start else rows.place(i - 1)
                until = int(rows.came[i]) - 1
                told = self._incredible(slot, before, until, chunk, by_partition)
                if told is not None:
                    gaps.told = True
                    yield told
                    yield self._returned(slot, before, chunk, int(rows.order[i]), length)
            gaps.meet(length, int(found.waits[i]))
        found.pass_by(gaps, begin, mine.stop)

    def _returned(self, slot: int, last: Place, chunk: Chunk, i: int, length: int) -> Told:
        """It is back with record i; `length` records after the last, -1 in another partition."""
        timestamp, position = int(chunk.records.timestamps[i]), int(chunk.positions[i])
        seconds = max(0, timestamp - last.timestamp) / 1000
        usual = self._usual(slot)
        return Told(RETURNED, slot, position, timestamp, last, max(0, length - 1), seconds, usual)

    def _usual(self, slot: int) -> tuple[int, float]:
        gaps = self._gaps[slot]
        return gaps.longest[-1], gaps.longest_time / 1000

    def _open(self, chunk: Chunk, by_partition: Sorted) -> Iterator[Told]:
        """Segments whose silence goes on at the end of the chunk."""
        came = self._came.tolist()
        for slot, (gaps, last) in enumerate(zip(self._gaps, self._last, strict=True)):
            length = came[last.partition] - last.record
            if gaps.told or length <= SHORTEST or length <= gaps.limit:
                continue
            told = self._incredible(slot, last, came[last.partition], chunk, by_partition)
            if told is not None:
                gaps.told = True
                yield told

    def _incredible(
        self, slot: int, last: Place, until: int, chunk: Chunk, by_partition: Sorted
    ) -> Told | None:
        """The first record of this chunk with which a silence was too long; None if none was.

        until: as many records of its partition had come before it ended, or the chunk did.
        """
        gaps, number = self._gaps[slot], last.partition
        start, before = int(by_partition.starts[number]), int(by_partition.before[number])
        first = max(before, last.record + int(gaps.limit))
        those = by_partition.order[start + first - before : start + until - before]
        late = chunk.records.timestamps[those] - last.timestamp >= gaps.limit_time
        if not late.any():
            return None
        at = int(late.argmax())
        timestamp = int(chunk.records.timestamps[those[at]])
        seconds = max(0, timestamp - last.timestamp) / 1000
        length = first + at + 1 - last.record
        position = int(chunk.positions[those[at]])
        usual = self._usual(slot)
        return Told(SILENT, slot, position, timestamp, last, length, seconds, usual)

    def at_end(
        self, now: float, numbers: Sequence[int], timestamp: int, position: int
    ) -> list[Told]:
        """What is silent with its partition, while others go on.

        now: seconds from any fixed origin. numbers: of the partitions that are read to their end.
        timestamp, position: newest of the stream, and its rows.
        """
        came = self._came.tolist()
        quiet = self._ends.look(now, [n for n in numbers if n < len(came)], came)
        told: list[Told] = []
        for slot, (gaps, last) in enumerate(zip(self._gaps, self._last, strict=True)):
            found = quiet.get(last.partition)
            if found is None or gaps.told or found.others < FEWEST_OTHERS:
                continue
            # By the stream's time, too: others may be reading what is old.
            if min(1000 * found.seconds, timestamp - last.timestamp) > gaps.limit_alone:
                gaps.told = True
                about = position, timestamp, last, came[last.partition] - last.record
                told.append(Told(SILENT, slot, *about, found.seconds, self._usual(slot)))
        return told

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values."""
        partitions = self._numbering.partitions
        return {
            "came": sorted(
                [p.topic, p.number, came]
                for p, came in zip(partitions, self._came.tolist(), strict=False)
                if came
            ),
            "gaps": [gaps.state() for gaps in self._gaps],
            "last": [[*partitions[last.partition], *last[1:]] for last in self._last],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        number = self._numbering.number
        came = {number(Partition(topic, p)): records for topic, p, records in state["came"]}
        self._gaps = [restored(each, self._budget) for each in state["gaps"]]
        self._last = [
            Place(number(Partition(topic, p)), *rest) for topic, p, *rest in state["last"]
        ]
        self._came = np.zeros(len(self._numbering.partitions), dtype=np.int64)
        self._came[list(came)] = list(came.values())
