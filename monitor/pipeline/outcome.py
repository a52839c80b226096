"""What one step of the pipeline decided."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.drift.judge import Change
from monitor.pipeline.context_times import ContextTimes
from monitor.pipeline.picks import Pick
from monitor.retraining.request import RetrainRequest
from monitor.stream.columns import Columns, Index
from monitor.stream.events import Event
from monitor.stream.records import Alert, Anomaly, DeadLetter, Partition, Scores


@dataclass(frozen=True, slots=True)
class Late:
    """A drift alert that was withheld and leaves now.

    event: firing, turned or resolved; silent or returned of a segment. segment: the one that it is
    of, "" for the whole stream.
    """

    event: str
    message: Event
    segment: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one step decided. All lists are in arrival order.

    rows: of each record, int64 (n,), 0 for a dead letter, and for a step that completes no window.
    scores: of the rows, in the order of
    their records. replayed_rows: rows scored again that the judge had already counted. requests:
    for a new model. picks: rows to keep as evidence. late: alerts that were withheld before, and
    come before all changes. withheld: alerts of changes that must not leave now; those changes have
    none. times: by which errors were judged, or None. segment_changes: of the states of segments,
    in the order of the stream.
    """

    consumed: Columns
    rows: Index
    scores: Scores
    dead_letters: tuple[DeadLetter, ...]
    anomalies: tuple[Anomaly, ...]
    changes: tuple[Change, ...]
    replayed_rows: int
    requests: tuple[RetrainRequest, ...] = ()
    picks: tuple[Pick, ...] = ()
    late: tuple[Late, ...] = ()
    withheld: tuple[Alert, ...] = ()
    times: ContextTimes | None = None
    segment_changes: tuple[Change, ...] = ()

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that leave now, of the whole stream and of segments."""
        both = (*self.changes, *self.segment_changes)
        return tuple(change.alert for change in both if change.alert is not None)

    @property
    def records_scored(self) -> int:
        """How many records were scored, or are steps of series that are."""
        return len(self.consumed) - len(self.dead_letters)

    @property
    def scored(self) -> Columns:
        """The records that were scored."""
        return self.consumed.where(self.rows > 0)

    @property
    def next_offsets(self) -> dict[Partition, int]:
        """What to commit once everything here is published."""
        return self.consumed.ends()
