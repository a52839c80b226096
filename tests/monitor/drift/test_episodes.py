"""The drift states."""

import numpy as np
import pytest

from monitor.drift.blocks import Block, Clock, Position
from monitor.drift.detectors.evidence import Evidence
from monitor.drift.episodes import CLEAR_TICKS, CONFIRM_TICKS, Episodes, State

CALM, DRIFTING = Evidence(0.0, 4.0), Evidence(4.0, 4.0)


class Stream:
    """Gives evidence for blocks of one tick, a second apart, to episodes."""

    def __init__(self, seconds: float = 1.0, ready: bool = True, **settings: float) -> None:
        times = {"guard_seconds": 0.0, "cooldown_seconds": 0.0} | settings
        self.episodes = Episodes(**times)
        self.clock = Clock()
        self.ready = ready
        self._step = 1000 * seconds
        self._now = 1_700_000_000_000.0

    def give(self, evidence: Evidence, blocks: int = 1, detection_ticks: float = 1.0) -> list[str]:
        found = []
        for _ in range(blocks):
            self._now += self._step
            start = Position(0, int(self._now), {})
            rows = np.zeros(256, dtype=np.int64)
            self.clock.advance(Block((), rows, rows, start, int(self._now), ended_by_time=False))
            if self.episodes.state is State.PENDING and self.episodes.guarding(self.clock):
                evidence = CALM
            transition = self.episodes.look(
                evidence, self.clock, ready=self.ready, detection_ticks=detection_ticks
            )
            found += [transition.event] if transition else []
        return found


def test_a_calm_stream_becomes_ok_when_the_detector_is_ready() -> None:
    stream = Stream(ready=False)
    assert stream.give(CALM, 100) == []
    stream.ready = True
    assert stream.give(CALM, 100) == ["ready"]


def test_drift_fires_when_a_suspicion_is_confirmed_and_only_once() -> None:
    stream = Stream()
    assert stream.give(CALM, 5) == ["ready"]
    assert stream.give(DRIFTING, 50) == ["pending", "firing"]


def test_drift_while_learning_fires_too() -> None:
    stream = Stream(ready=False)
    assert stream.give(DRIFTING, 2) == ["pending", "firing"]
    assert stream.give(CALM, 50) == ["resolved"]
    assert stream.episodes.state is State.LEARNING


def test_a_suspicion_that_is_not_confirmed_in_time_was_transient() -> None:
    stream = Stream()
    stream.give(CALM)
    assert stream.give(DRIFTING, 1, detection_ticks=3) == ["pending"]
    assert stream.give(CALM, int(CONFIRM_TICKS + 4 * 3)) == []
    assert stream.give(CALM, 1) == ["transient"]
    assert stream.episodes.state is State.OK


def test_nothing_fires_while_a_burst_may_pass() -> None:
    stream = Stream(guard_seconds=5.0)
    stream.give(CALM)
    assert stream.give(DRIFTING, 5) == ["pending"]
    assert stream.give(DRIFTING, 1) == ["firing"]


def test_the_guard_ends_where_timestamps_stand_still() -> None:
    stream = Stream(seconds=0.0, guard_seconds=5.0)
    stream.give(CALM)
    assert stream.give(DRIFTING, 32) == ["pending"]
    assert stream.give(DRIFTING, 1) == ["firing"]


def test_an_episode_ends_after_four_times_the_time_it_took_to_find() -> None:
    stream = Stream()
    stream.give(CALM)
    stream.give(DRIFTING, 2, detection_ticks=20)
    assert stream.give(CALM, 80) == []
    assert stream.give(CALM, 1) == ["resolved"]


def test_an_episode_ends_no_sooner_than_forty_ticks_after_the_last_finding() -> None:
    stream = Stream()
    stream.give(CALM)
    stream.give(DRIFTING, 2)
    stream.give(CALM, 30)
    assert stream.give(DRIFTING, 1) == []
    assert stream.give(CALM, int(CLEAR_TICKS)) == []
    assert stream.give(CALM, 1) == ["resolved"]


def test_an_episode_lasts_through_the_cooldown() -> None:
    stream = Stream(cooldown_seconds=600)
    stream.give(CALM)
    stream.give(DRIFTING, 2)
    assert stream.give(CALM, 599) == []
    assert stream.give(CALM, 1) == ["resolved"]


def test_a_drift_that_turns_is_told_once_in_a_cooldown() -> None:
    stream = Stream(cooldown_seconds=10)
    stream.give(CALM)
    stream.give(DRIFTING, 2)
    turns = []
    for _ in range(25):
        stream.give(DRIFTING, 1)
        turns.append(stream.episodes.turn(stream.clock))
    assert [t.event for t in turns if t] == ["turned", "turned"]


@pytest.mark.parametrize("state", list(State))
def test_a_snapshot_goes_on_where_it_was_taken(state: State) -> None:
    stream = Stream(guard_seconds=2.0)
    stream.episodes.state = state
    stream.give(DRIFTING, 2)
    other = Stream(guard_seconds=2.0)
    other.episodes.restore(stream.episodes.snapshot())
    assert other.episodes == stream.episodes
