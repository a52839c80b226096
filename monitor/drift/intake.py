"""The intake: counts each offset once, and cuts what it counts into blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Block, OpenBlock
from monitor.drift.channels.last_values import LastValues
from monitor.drift.channels.tally import OpenTally
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.next_offsets import NextOffsets, Offsets, offsets_state, restored_offsets
from monitor.drift.readings import of_block
from monitor.stream.records import Partition, Summary

Index = NDArray[np.int64]


class Intake:
    """What of a stream was counted, and the block that is open.

    limit: rows at which a block ends. seconds: of stream time after which it ends. rows: counted
    so far. last: the channels' values of each partition's last row.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.next = NextOffsets()
        self.open = OpenBlock(limit, seconds)
        self.channels = OpenTally()
        self.last = LastValues()
        self.rows = 0

    def next_offset(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        return self.next.of(partition)

    @property
    def next_offsets(self) -> Offsets:
        """The next offset of each partition that something was counted of."""
        return self.next.snapshot()

    def uncounted(self, records: JudgedRecords) -> tuple[JudgedRecords, Index]:
        """The records that were not counted yet, and the number of each one's partition."""
        numbers = self.next.numbers(records.partitions, records.partition)
        new = self.next.uncounted(numbers, records.offsets, records.next_offsets)
        return (records, numbers) if new is None else (records.where(new), numbers[new])

    def add(self, summary: Summary) -> None:
        """Count a summary; ValueError if it was counted before, in whole or in part."""
        if summary.first_offset < self.next_offset(summary.partition):
            raise ValueError(f"{summary.partition}: offset {summary.first_offset} counted before")
        number = np.array([self.next.number(summary.partition)])
        buckets = summary.errors.each()
        first, last = summary.first_timestamp, summary.last_timestamp
        self.open.begin(self.rows, first, int(number[0]), self.next)
        self.open.meet(self.next.first(number, np.array([summary.first_offset])))
        ends = self.open.ends(np.array([last]), number)
        readings = of_block(number, np.array([last]))
        self.open.add(np.repeat(number, buckets.size), buckets, last, readings, last=ends)
        self.next.count(number, np.array([summary.next_offset]))
        self.rows += buckets.size

    def ended(self) -> Block | None:
        """The block, if it has ended; another one begins then."""
        if not self.open.due:
            return None
        return self.open.take(self.next.partitions, self.channels.take())

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        channels, last = self.channels.state(), self.last.state(self.next.partitions)
        return {
            **({} if channels is None else {"channels": channels}),
            **({} if last is None else {"last": last}),
            "next_offsets": offsets_state(self.next_offsets),
            "rows": self.rows,
            "open": self.open.state(self.next.partitions),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.next = NextOffsets(restored_offsets(state["next_offsets"]))
        self.rows = int(state["rows"])
        self.open.restore(state["open"], self.next.number)
        self.channels.restore(state.get("channels"))
        self.last = LastValues.restored(state.get("last"), self.next.number)
