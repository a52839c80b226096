"""Where each of our partitions began, and who counted what comes before that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from monitor.pipeline.series import Moved
from monitor.pipeline.series_notes import read_from
from monitor.pipeline.step import Pipeline
from monitor.state.resume import FIRST, GO_ON, Plan
from monitor.state.snapshot import Note, Takeover
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition, Record

ReadBack = Callable[[Partition, int, int], Sequence[Record] | None]
"""Reads a partition again from an offset up to another; None if that is not possible."""


class Beginnings:
    """Of the partitions that are ours. takeovers: of each, those that the group knows of."""

    def __init__(self, pipeline: Pipeline, read_back: ReadBack | None = None) -> None:
        self._pipeline = pipeline
        self._read_back = read_back
        self._series: dict[Partition, Moved] = {}
        self.takeovers: dict[Partition, tuple[Takeover, ...]] = {}
        self.starts: dict[Partition, int] = {}
        self._anew: set[Partition] = set()

    def begin(
        self, partition: Partition, plan: Plan, committed: Committed | None, writer: str
    ) -> None:
        """Go on with a partition as planned. writer: id of our state."""
        start = plan.offset if plan.gap is None else plan.gap[0]
        note = Note.parse(committed.note) if committed else None
        chain = note.takeovers if note else ()
        if plan.owner_changed:
            chain = (*chain, Takeover(writer, start))
        self.takeovers[partition] = chain
        self.starts[partition] = start
        self._anew.discard(partition)
        self._series.pop(partition, None)
        ours = not plan.owner_changed or plan.gap is not None or plan.case not in (FIRST, GO_ON)
        if note is not None and note.series and not ours:
            self._read_again(partition, start, note.series)
        if plan.owner_changed or plan.anew:
            self._anew.add(partition)
        self._go_on(partition, start)

    def take_over(self, writer: str) -> None:
        """Our state has another id from now on: partitions that we have go on with that."""
        for partition, offset in self.offsets().items():
            self.takeovers[partition] = (*self.takeovers[partition], Takeover(writer, offset))

    def again(self) -> None:
        """Go on once more, after the pipeline went back to a snapshot."""
        for partition, start in self.starts.items():
            self._go_on(partition, start)

    def _go_on(self, partition: Partition, start: int) -> None:
        self._pipeline.ledger.begin(partition, start)
        if partition in self._anew and self._pipeline.series is not None:
            # Others have read steps between.
            known = self._series.get(partition, Moved({}, {}))
            self._pipeline.series.put(partition, known)

    def _read_again(self, partition: Partition, start: int, note: str) -> None:
        """The steps that the windows after `start` need, which another daemon has read."""
        series, first = self._pipeline.series, read_from(note)
        if series is None or first is None or self._read_back is None:
            return
        records = self._read_back(partition, first, start)
        if records is not None:
            steps = [step for record in records for step in self._pipeline.steps(record)]
            self._series[partition] = series.rebuilt(partition, steps, note, start)

    def offsets(self) -> dict[Partition, int]:
        """Where to go on with each of our partitions."""
        ledger = self._pipeline.ledger
        return {p: ledger.next_offset(p) or 0 for p in self.takeovers}

    def drop(self, partitions: Iterable[Partition]) -> None:
        """What was scored of partitions and is not decided on was dropped."""
        if self._pipeline.series is not None:
            self._pipeline.series.drop(partitions)
