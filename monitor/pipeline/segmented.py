"""The segments of a stream in the pipeline: named, judged, remembered, and told or withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.drift.episodes import Change
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.segmented import Found, Segments
from monitor.pipeline.scored import Scored
from monitor.pipeline.segment_names import Naming
from monitor.pipeline.withheld import Withheld
from monitor.retraining.history import REPLACED, History
from monitor.retraining.past_episode import Episode
from monitor.retraining.segment_history import SegmentHistory
from monitor.stream.records import Alert, Partition

Told = tuple[list[Change], list[Alert]]
"""Changes as they may leave, and the alerts that were taken from them."""


class SegmentedStream:
    """Judges the segments of a stream. naming: says which records are of which.

    segments: of the model in use. pages: see `alert_json`.
    """

    def __init__(self, naming: Naming, segments: Segments, pages: str = "") -> None:
        self._naming = naming
        self.segments = segments
        self.history = SegmentHistory()
        self._withheld = Withheld(pages)
        self._noted: list[Change] = []

    def named(self, scored: Scored) -> Scored:
        """With the segment of each record; on any thread."""
        return self._naming.named(scored)

    def watch(self, records: JudgedRecords, rows_before: int) -> None:
        """Take records that were not counted before. rows_before: of the stream."""
        self.segments.watch(records, rows_before)

    def note(self, rows: int, mute: str | None) -> None:
        """Remember what was found with so many rows of the stream."""
        self.keep(self.segments.found(rows), mute)

    def keep(self, found: list[Found], mute: str | None) -> None:
        """Remember what was found, to be told."""
        for _, _, change in found:
            self.history.note(change, mute)
            self._noted.append(change)

    def told(self, mute: str | None) -> Told:
        """What was noted since the last call, as it may leave."""
        noted, self._noted = self._noted, []
        return self._withheld.through(noted, mute)

    def rest(self, mute: str | None) -> Told:
        """Judge what waits for more, since nothing comes; the changes, as they may leave."""
        self.keep(self.segments.rest(), mute)
        return self.told(mute)

    def at_end(
        self, now: float, partitions: Iterable[Partition], rows: int, mute: str | None
    ) -> Told:
        """What fell silent with its partition, as it may leave; see `Segments.at_end`."""
        self.keep(self.segments.at_end(now, partitions, rows), mute)
        return self.told(mute)

    @property
    def withheld(self) -> Withheld:
        """Alerts of segments that wait for the end of a mute."""
        return self._withheld

    @property
    def lasting(self) -> tuple[str, ...]:
        """Ids of the episodes that last."""
        return tuple(episode.id for episode in self.history.lasting)

    def end_told(self, change: Change, mute: str | None) -> Told:
        """The end of another model's episode as it may leave."""
        return self._withheld.through([change], mute)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        return {
            "judged": self.segments.state(),
            "history": self.history.state(),
            "withheld": self._withheld.state(),
        }

    def restore(self, state: Mapping[str, Any] | None) -> list[Change]:
        """Go on where `state` was called; begin anew if it is None.

        Returns the ends of the drifts that end with another model's judges.
        """
        self._noted = []
        self.history = SegmentHistory()
        self._withheld.restore(() if state is None else state["withheld"])
        if state is None:
            self.segments.restore(None)
            return []
        self.history.restore(state["history"])
        ends = self.segments.restore(state["judged"])
        for end in ends:
            self.history.note(end, ending=REPLACED)
        return ends

    def replace(self, segments: Segments) -> None:
        """Use another model's judges from now on: `restore` says what they know."""
        self.segments = segments

    def forget(self, ending: str) -> None:
        """Begin anew; what lasts ends so, untold."""
        self.history.end_all(ending)
        self.segments.restore(None)
        self._noted = []

    def inherit(self, state: Mapping[str, Any], ending: str) -> None:
        """Go on after a stream that was judged by other settings: its history stays."""
        self.history.restore(state["history"])
        self.history.end_all(ending)
        self._withheld.restore(state["withheld"])


def episodes_of(history: History, segmented: SegmentedStream | None) -> list[Episode]:
    """Of the whole stream and of segments, in the order in which they fired."""
    mine = history.episodes
    if segmented is None:
        return mine
    return sorted([*mine, *segmented.history.episodes], key=lambda each: each.fired_at)


def changes_of(history: History, segmented: SegmentedStream | None) -> list[dict[str, Any]]:
    """Changes of both as JSON values, the oldest first."""
    mine = history.changes
    if segmented is None:
        return mine
    return sorted([*mine, *segmented.history.changes], key=lambda each: str(each["time"]))
