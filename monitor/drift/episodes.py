"""Drift states that latch: one episode, one alert, one resolution.

    learning --dependence known--> ok
       |                           |
       +--------- suspected -------+--> pending --confirmed--> firing --calm--> ok (resolved)
                                           |
                                           +--not confirmed in time--> ok (transient)

A suspicion may be a burst: for `guard_seconds` of stream time nothing is concluded from it. Then
fresh records must confirm it, within a time that grows with the time it took to suspect it. An
episode ends when drift has not been found again for four times as long as it took to find it.
Everything is measured in the stream's own rows and timestamps, never by a clock on the wall.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from monitor.drift.blocks import Clock, Position
from monitor.drift.detectors.evidence import Evidence
from monitor.stream.records import Alert, Partition, Verdict

CONFIRM_TICKS: Final = 8.0
CONFIRM_FACTOR: Final = 4.0
"""A confirmation may take this many ticks, and this many times the time to suspicion."""
CLEAR_TICKS: Final = 40.0
CLEAR_FACTOR: Final = 4.0
LONGEST_DETECTION_TICKS: Final = 400.0
TIMELESS_GUARD_TICKS: Final = 32.0
"""How long the guard lasts where timestamps stand still."""


class State(StrEnum):
    """Where the drift state machine stands."""

    LEARNING = "learning"
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"


EVENTS: Final = ("ready", "pending", "transient", "firing", "turned", "resolved")
"""What can happen: see `Transition`."""
ALERTS: Final = ("firing", "turned", "resolved")
"""The events that people or programs act on."""
TURNS: Final = (("larger", "smaller"), ("smaller", "larger"), ("narrower", "larger"))
"""Directions, told before and found now, that differ enough to be told anew."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state. event: what to call it in logs and alerts.

    ready: learning is over. pending: drift is suspected. transient: the suspicion was not
    confirmed. firing: drift is confirmed. turned: it goes on in another direction. resolved: it
    is over.
    """

    before: State
    after: State
    event: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the drift state, with the verdict that brought it and the alert, if any.

    timestamp: of the newest record counted, in milliseconds since the epoch.
    """

    transition: Transition
    timestamp: int
    verdict: Verdict
    alert: Alert | None


class Place(NamedTuple):
    """Where a stream stands, and its drift.

    rows: counted so far. seconds: of stream time that have passed. onset: where the drift that
    is suspected or found seems to have begun.
    """

    rows: int
    next_offsets: Mapping[Partition, int]
    seconds: float
    state: State
    onset: Position | None


@dataclass(slots=True)
class Episodes:
    """The drift state of one model on one stream.

    guard_seconds: stream time after a suspicion in which nothing is confirmed. cooldown_seconds:
    stream time without drift before an episode ends, at least.
    """

    guard_seconds: float
    cooldown_seconds: float
    state: State = State.LEARNING
    _since_ticks: float = 0.0
    _since_seconds: float = 0.0
    _detection_ticks: float = 1.0
    _guarding: bool = False
    _told_seconds: float = 0.0

    def guarding(self, clock: Clock) -> bool:
        """True while a suspicion is too fresh to be confirmed."""
        if self._guarding and self._guard_over(clock):
            self._guarding = False
            self._mark(clock)
        return self._guarding

    def _guard_over(self, clock: Clock) -> bool:
        elapsed = clock.seconds - self._since_seconds
        timeless = elapsed == 0 and clock.ticks - self._since_ticks >= TIMELESS_GUARD_TICKS
        return elapsed >= self.guard_seconds or timeless

    def _mark(self, clock: Clock) -> None:
        self._since_ticks, self._since_seconds = clock.ticks, clock.seconds

    def look(
        self, evidence: Evidence, clock: Clock, *, ready: bool, detection_ticks: float
    ) -> Transition | None:
        """Take one evaluation into account; return the change of state, if any.

        ready: the detector has learned enough. detection_ticks: how long the drift that is
        suspected now has lasted.
        """
        before = self.state
        if before in (State.LEARNING, State.OK):
            if evidence.drifting:
                self._remember(detection_ticks)
                self._guarding = self.guard_seconds > 0
                return self._enter(State.PENDING, "pending", clock)
            if before is State.LEARNING and ready:
                return self._enter(State.OK, "ready", clock)
        elif before is State.PENDING:
            return self._look_pending(evidence, clock, ready, detection_ticks)
        elif evidence.drifting:
            self._mark(clock)
        elif self._calm(clock):
            return self._enter(State.OK if ready else State.LEARNING, "resolved", clock)
        return None

    def _look_pending(
        self, evidence: Evidence, clock: Clock, ready: bool, detection_ticks: float
    ) -> Transition | None:
        if self._guarding:
            return None
        if evidence.drifting:
            self._remember(detection_ticks)
            return self._enter(State.FIRING, "firing", clock)
        longest = CONFIRM_TICKS + CONFIRM_FACTOR * self._detection_ticks
        if clock.ticks - self._since_ticks > longest:
            return self._enter(State.OK if ready else State.LEARNING, "transient", clock)
        return None

    def _remember(self, detection_ticks: float) -> None:
        self._detection_ticks = min(max(detection_ticks, 1.0), LONGEST_DETECTION_TICKS)

    def turn(self, clock: Clock) -> Transition | None:
        """The drift goes on in another direction: worth saying, but not again and again."""
        if clock.seconds - self._told_seconds < self.cooldown_seconds:
            return None
        self._told_seconds = clock.seconds
        return Transition(State.FIRING, State.FIRING, "turned")

    def _calm(self, clock: Clock) -> bool:
        ticks, seconds = clock.ticks - self._since_ticks, clock.seconds - self._since_seconds
        long_enough = ticks > max(CLEAR_TICKS, CLEAR_FACTOR * self._detection_ticks)
        return long_enough and (seconds >= self.cooldown_seconds or seconds == 0)

    def _enter(self, state: State, event: str, clock: Clock) -> Transition:
        before, self.state = self.state, state
        self._mark(clock)
        self._told_seconds = clock.seconds
        return Transition(before, state, event)

    def snapshot(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "state": str(self.state),
            "since_ticks": self._since_ticks,
            "since_seconds": self._since_seconds,
            "detection_ticks": self._detection_ticks,
            "guarding": self._guarding,
            "told_seconds": self._told_seconds,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on where `snapshot` was called."""
        self.state = State(snapshot["state"])
        self._since_ticks = float(snapshot["since_ticks"])
        self._since_seconds = float(snapshot["since_seconds"])
        self._detection_ticks = float(snapshot["detection_ticks"])
        self._guarding = bool(snapshot["guarding"])
        self._told_seconds = float(snapshot["told_seconds"])


def episode_id(model_version: str, next_offsets: Mapping[Partition, int]) -> str:
    """An id from model and offsets: a second run over the same records makes the same."""
    offsets = sorted((str(p), offset) for p, offset in next_offsets.items())
    return hashlib.sha256(f"{model_version} {offsets}".encode()).hexdigest()[:12]
