"""When to ask for a new model: the rules, without I/O or clock.

A request is made in the same step as the change of state that leads to it, from the stream's own
rows and timestamps. So a run that is repeated makes the same request with the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from monitor.drift.blocks import Position
from monitor.drift.episodes import Place
from monitor.drift.next_offsets import offsets_state, restored_offsets
from monitor.retraining.request import Stretch
from monitor.stream.records import Partition

DAY_SECONDS: Final = 86400.0
GOOD_ROWS: Final = 1024
"""Rows between two marks in the stretch without drift."""
MARKS_KEPT: Final = 64
"""So that the last 65,000 good rows can be named."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants.

    mode: off, suggest (a person decides) or auto. model: name of the model. min_evidence: log10
    that the evidence for the drift must have reached. min_records: rows since the onset. All
    times are stream time: cooldown_seconds between two requests for one version; per_day at most.
    links: name -> URL, handed on.
    """

    mode: Literal["off", "suggest", "auto"] = "off"
    model: str = "model"
    min_evidence: float = 0.0
    min_records: int = 1000
    cooldown_seconds: float = DAY_SECONDS
    per_day: int = 3
    links: Mapping[str, str] = field(default_factory=dict)

    def allows(self, evidence: float, rows: int, since_last: float | None, made_today: int) -> bool:
        """True if a request may be made now.

        evidence: the strongest of the episode. rows: since its onset. since_last: seconds since
        the last request for this version, None if there was none. made_today: requests of the
        last 24 hours, for any version.
        """
        if self.mode == "off" or evidence < self.min_evidence or rows < self.min_records:
            return False
        if since_last is not None and since_last < self.cooldown_seconds:
            return False
        return made_today < self.per_day


class GoodMarks:
    """Places in the stretch without drift, so that it can be named when drift begins."""

    def __init__(self) -> None:
        self._marks: list[Position] = []

    def note(self, place: Place, timestamp: int) -> None:
        """The stream is well up to here. timestamp: of its newest record."""
        if not self._marks or place.rows - self._marks[-1].rows >= GOOD_ROWS:
            self._marks.append(Position(place.rows, timestamp, place.next_offsets))
            del self._marks[:-MARKS_KEPT]

    @property
    def last(self) -> Position | None:
        """The newest mark."""
        return self._marks[-1] if self._marks else None

    def clear(self) -> None:
        """What was noted is not the last good stretch any more."""
        self._marks.clear()

    def until(self, onset: Position | None) -> Stretch | None:
        """The stretch that ends before the onset, or at the last mark if that is not known."""
        known = [m for m in self._marks if onset is None or m.rows <= onset.rows]
        if not known:
            return None
        end = known[-1] if onset is None else onset
        return between(known[0], end, end.timestamp)

    def state(self) -> list[list[Any]]:
        """Everything that `restore` needs, as plain values."""
        return [[m.rows, m.timestamp, offsets_state(m.next_offsets)] for m in self._marks]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        """Go on where `state` was called."""
        self._marks = [
            Position(int(rows), int(timestamp), restored_offsets(offsets))
            for rows, timestamp, offsets in state
        ]


def between(first: Position, end: Position, last_timestamp: int) -> Stretch | None:
    """The stretch between two places; None if it is empty.

    A partition that is not known at the first place is left out: where it begins is not known.
    """
    offsets: dict[Partition, tuple[int, int]] = {
        p: (first.next_offsets[p], after)
        for p, after in end.next_offsets.items()
        if after > first.next_offsets.get(p, after)
    }
    if not offsets or end.rows <= first.rows:
        return None
    return Stretch(offsets, end.rows - first.rows, first.timestamp, last_timestamp)
