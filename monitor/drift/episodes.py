"""Drift states that latch: one episode, one alert, one resolution.

    learning --dependence known--> ok
       |                           |
       +--------- suspected -------+--> pending --confirmed--> firing --calm--> ok (resolved)
                                           |
                                           +--not confirmed in time--> ok (transient)

A suspicion may be a burst: for `guard_seconds` of stream time nothing is concluded from it. Then
fresh records must confirm it, within a time that grows with the time it took to suspect it. An
episode ends when drift has not been found again for four times as long as it took to find it.
Everything is measured by the stream's clock (`clock.py`), never by one on the wall.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from monitor.drift.blocks import TICK_ROWS, Position
from monitor.drift.clock import START, Clock, Mark
from monitor.drift.detectors.evidence import Evidence
from monitor.stream.records import Alert, Partition, Verdict

CONFIRM_TICKS: Final = 8.0
CONFIRM_FACTOR: Final = 4.0
"""A confirmation may take this many ticks, and this many times the time to suspicion."""
CLEAR_TICKS: Final = 40.0
CLEAR_FACTOR: Final = 4.0
FEWEST_ROWS: Final = 256.0
CLEAR_ROWS_FACTOR: Final = 8.0
"""Rows count, too, at least so many: where few come, ticks are minutes, and evidence is a matter of
rows. To find drift again takes more of it, since there is no second stage."""
LONGEST_DETECTION_TICKS: Final = 400.0
RECOVERING: Final = 0.5
"""An episode is called recovering after this share of the ticks at which it ends."""
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


Note = Callable[[list[Change], int], None]
"""Called with the changes of state that some records brought, and the newest one's timestamp in
milliseconds."""


class Place(NamedTuple):
    """Where a stream stands, and its drift.

    rows: counted so far. seconds: of stream time that have passed. arrived: seconds in which the
    records came, None if nobody told. onset: where the drift that is suspected or found seems to
    have begun.
    """

    rows: int
    next_offsets: Mapping[Partition, int]
    seconds: float
    arrived: float | None
    state: State
    onset: Position | None


class Recovery(NamedTuple):
    """Drift that fires was not found again for a while.

    rows: for so many. rows_left, seconds_left: without it, until the episode is over.
    """

    rows: int
    rows_left: int
    seconds_left: int


@dataclass(slots=True)
class Episodes:
    """The drift state of one model on one stream.

    guard_seconds: stream time after a suspicion in which nothing is confirmed. cooldown_seconds:
    stream time without drift before an episode ends, at least.
    """

    guard_seconds: float
    cooldown_seconds: float
    state: State = State.LEARNING
    _since: Mark = START
    _detection_ticks: float = 1.0
    _guarding: bool = False
    _told: Mark = START

    def guarding(self, clock: Clock) -> bool:
        """True while a suspicion is too fresh to be confirmed."""
        if self._guarding and self._guard_over(clock):
            self._guarding = False
            self._since = clock.mark()
        return self._guarding

    def _guard_over(self, clock: Clock) -> bool:
        elapsed = clock.since(self._since)
        timeless = elapsed.still and elapsed.ticks >= TIMELESS_GUARD_TICKS
        return elapsed.seconds >= self.guard_seconds or timeless

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
            self._since = clock.mark()
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
        longest = CONFIRM_TICKS + CONFIRM_FACTOR * max(self._detection_ticks, 1.0)
        elapsed = clock.since(self._since)
        if elapsed.ticks > longest and elapsed.rows > self._rows(CONFIRM_FACTOR, longest):
            return self._enter(State.OK if ready else State.LEARNING, "transient", clock)
        return None

    def _remember(self, detection_ticks: float) -> None:
        self._detection_ticks = min(detection_ticks, LONGEST_DETECTION_TICKS)

    def _rows(self, factor: float, most_ticks: float) -> float:
        """So many times the rows that it took to find what was found, but no more than this."""
        return max(FEWEST_ROWS, TICK_ROWS * min(factor * self._detection_ticks, most_ticks))

    @property
    def _clear_rows(self) -> float:
        return self._rows(CLEAR_ROWS_FACTOR, self._clear_ticks)

    def turn(self, clock: Clock, *, at_once: bool = False) -> Transition | None:
        """The drift goes on in another direction: worth saying, but not again and again."""
        if not at_once and clock.since(self._told).seconds < self.cooldown_seconds:
            return None
        self._told = clock.mark()
        return Transition(State.FIRING, State.FIRING, "turned")

    def _calm(self, clock: Clock) -> bool:
        elapsed = clock.since(self._since)
        long = elapsed.ticks > self._clear_ticks and elapsed.rows > self._clear_rows
        return long and (elapsed.seconds >= self.cooldown_seconds or elapsed.still)

    def recovery(self, clock: Clock) -> Recovery | None:
        """How far an episode that fires is from its end; None while drift goes on being found."""
        elapsed, rows = clock.since(self._since), self._clear_rows
        if min(elapsed.ticks / self._clear_ticks, elapsed.rows / rows) < RECOVERING:
            return None
        a_tick = elapsed.rows / elapsed.ticks
        left = max(0.0, a_tick * (self._clear_ticks - elapsed.ticks), rows - elapsed.rows)
        seconds = 0.0 if elapsed.still else max(0.0, self.cooldown_seconds - elapsed.seconds)
        return Recovery(elapsed.rows, math.ceil(left), math.ceil(seconds))

    @property
    def _clear_ticks(self) -> float:
        """An episode ends after more ticks than this without drift, and enough rows."""
        return max(CLEAR_TICKS, CLEAR_FACTOR * self._detection_ticks)

    def _enter(self, state: State, event: str, clock: Clock) -> Transition:
        before, self.state = self.state, state
        self._since = self._told = clock.mark()
        return Transition(before, state, event)

    def snapshot(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "state": str(self.state),
            "since_ticks": self._since.ticks,
            "since_seconds": self._since.seconds,
            "since_rows": self._since.rows,
            "detection_ticks": self._detection_ticks,
            "guarding": self._guarding,
            "told_ticks": self._told.ticks,
            "told_seconds": self._told.seconds,
            "told_rows": self._told.rows,
            "arrival": {"since": self._since.arrived, "told": self._told.arrived},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on where `snapshot` was called."""
        self.state = State(snapshot["state"])
        self._since = _restored(snapshot, "since")
        self._detection_ticks = float(snapshot["detection_ticks"])
        self._guarding = bool(snapshot["guarding"])
        self._told = _restored(snapshot, "told")


def _restored(snapshot: Mapping[str, Any], name: str) -> Mark:
    """A mark of a snapshot; earlier versions wrote less of it."""
    return Mark(
        float(snapshot.get(f"{name}_ticks", 0.0)),
        float(snapshot[f"{name}_seconds"]),
        float(snapshot.get("arrival", {}).get(name, 0.0)),
        int(snapshot.get(f"{name}_rows", 0)),
    )


def alert_of(
    event: str,
    episode: str,
    model_version: str,
    timestamp: int,
    verdict: Verdict,
    next_offsets: Mapping[Partition, int],
) -> Alert | None:
    """The alert of an event, None if people or programs need not act on it."""
    if event not in ALERTS:
        return None
    return Alert(event, episode, model_version, timestamp, verdict, dict(next_offsets))


def episode_id(model_version: str, next_offsets: Mapping[Partition, int], of: str = "") -> str:
    """An id from model and offsets: a second run over the same records makes the same.

    of: what it is of, if it is not the whole stream.
    """
    offsets = sorted((str(p), offset) for p, offset in next_offsets.items())
    text = f"{model_version} {offsets}{f' {of}' if of else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
