"""Where each of our partitions began, and who counted what comes before that."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.pipeline.step import Pipeline
from monitor.state.resume import Plan
from monitor.state.snapshot import Note, Takeover
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition


class Beginnings:
    """Of the partitions that are ours. takeovers: of each, those that the group knows of."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
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
            self._pipeline.series.forget(partition)  # others have read steps between

    def offsets(self) -> dict[Partition, int]:
        """Where to go on with each of our partitions."""
        ledger = self._pipeline.ledger
        return {p: ledger.next_offset(p) or 0 for p in self.takeovers}

    def drop(self, partitions: Iterable[Partition]) -> None:
        """What was scored of partitions and is not decided on was dropped."""
        if self._pipeline.series is not None:
            self._pipeline.series.drop(partitions)
