"""Drift states that latch: one episode, one alert, one resolution.

    learning --enough records--> ok --suspected--> pending --confirmed--> firing
                                  ^                   |                      |
                                  +------calm---------+        (resolved) ---+

A detector flickers around its threshold; people must not. Drift is pending when first
suspected, firing after `confirmations` suspicious looks in a row, and resolved only after
`clearances` looks in a row below a lower level (hysteresis). A look is one completed pane of
the window, so the counts are in units of the stream, not of the clock.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum

from monitor.detectors.evidence import Evidence


class State(StrEnum):
    """Where the drift state machine stands."""

    LEARNING = "learning"
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state. From firing to ok, the episode is resolved."""

    before: State
    after: State

    @property
    def event(self) -> str:
        """What to call the change in logs and alerts."""
        if self.before is State.FIRING:
            return "resolved"
        if self.before is State.LEARNING:
            return "ready"
        return "cleared" if self.after is State.OK else str(self.after)


class Episodes:
    """The drift state of one model on one stream.

    min_records: rows in the window before drift is judged at all. confirmations and
    clearances: looks in a row to fire and to resolve, at least 1 each.
    """

    def __init__(self, min_records: int, confirmations: int, clearances: int) -> None:
        self.state = State.LEARNING
        self._min_records = min_records
        self._confirmations = confirmations
        self._clearances = clearances
        self._suspicions = 0
        self._calms = 0

    def look(self, evidence: Evidence, window_records: int) -> list[Transition]:
        """Take one evaluation into account; return the changes of state, oldest first."""
        before = self.state
        if window_records < self._min_records and before is State.LEARNING:
            return []
        self._suspicions = self._suspicions + 1 if evidence.drifting else 0
        self._calms = self._calms + 1 if evidence.calm else 0
        path = [before, *self._path(evidence.drifting)]
        self.state = path[-1]
        return [Transition(a, b) for a, b in itertools.pairwise(path)]

    def _path(self, drifting: bool) -> list[State]:
        """The states entered at this look; a stream that starts drifted passes through ok."""
        confirmed = [State.FIRING] if self._suspicions >= self._confirmations else []
        if self.state is State.LEARNING:
            return [State.OK, *([State.PENDING, *confirmed] if drifting else [])]
        if self.state is State.OK:
            return [State.PENDING, *confirmed] if drifting else []
        if self.state is State.PENDING:
            return confirmed if drifting else [State.OK]
        return [State.OK] if self._calms >= self._clearances else []
