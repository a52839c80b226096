"""Where less than a block comes in a minute, drift is a matter of rows as everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.blocks import Block, Position
from monitor.drift.clock import Clock
from monitor.drift.detectors.evidence import Evidence
from monitor.drift.episodes import CLEAR_ROWS_FACTOR, FEWEST_ROWS, Episodes
from monitor.drift.judge import Judge
from monitor.drift.simulation import feed, judged
from tests.monitor.builders import SETTINGS, VERSION, normal_errors

BEFORE = 3000
A_MINUTE, HALF_AN_HOUR = 1 / 60, 1 / 1800
REFERENCE = Reference.calibrate(normal_errors(5000, seed=99), ordered=True)
CALM, DRIFTING = Evidence(0.0, 4.0), Evidence(4.0, 4.0)


def told(errors: NDArray[np.float64], rate: float) -> list[tuple[str, int]]:
    """What was told of a stream that changes after `BEFORE` records, and when."""
    subject = Judge(VERSION, REFERENCE, SETTINGS)
    found = [(c.transition.event, rows - BEFORE) for rows, c in feed(subject, errors, rate)]
    return [(event, rows) for event, rows in found if event != "ready"]


def changed(seed: int, factor: float, rows: int) -> NDArray[np.float64]:
    after = factor * normal_errors(rows, seed=500 + seed)
    return np.concatenate([normal_errors(BEFORE, seed=seed), after])


@pytest.mark.parametrize("rate", [A_MINUTE, HALF_AN_HOUR])
@pytest.mark.parametrize(("factor", "within"), [(1.3, 2000), (1.5, 600), (2.0, 200)])
def test_drift_that_lasts_is_told_once_however_few_records_come(
    factor: float, within: int, rate: float
) -> None:
    for seed in range(3):
        found = told(changed(seed, factor, 6000), rate)
        assert [event for event, _ in found if event != "turned"] == ["pending", "firing"]
        assert 0 < found[0][1] < found[1][1] <= within


def test_it_takes_as_many_records_as_where_many_come() -> None:
    slow = [told(changed(seed, 1.3, 3000), A_MINUTE)[1][1] for seed in range(5)]
    fast = [told(changed(seed, 1.3, 3000), 100.0)[1][1] for seed in range(5)]
    # There, blocks of 64 are judged, and for five seconds nothing is concluded.
    assert np.median(slow) <= np.median(fast) + 64


def test_a_repaired_stream_is_soon_told_to_be_so() -> None:
    repaired = np.concatenate([changed(1, 2.0, 500), normal_errors(2000, seed=77)])
    *_, (event, rows) = told(repaired, A_MINUTE)
    assert event == "resolved"
    assert 500 + FEWEST_ROWS < rows <= 500 + 2000  # forty ticks of many records are 10,240


def test_a_burst_is_told_to_have_passed() -> None:
    # Too short for a confirmation, long enough for a suspicion.
    burst = np.concatenate([changed(1, 4.0, 16), normal_errors(2000, seed=78)])
    assert [event for event, _ in told(burst, A_MINUTE)] == ["pending", "transient"]


def test_records_one_by_one_are_judged_as_a_simulation_judges_them() -> None:
    errors = changed(3, 1.5, 2000)
    subject, found = Judge(VERSION, REFERENCE, SETTINGS), list[tuple[str, int]]()
    for place in range(errors.size):
        places = np.array([place])
        subject.watch(
            judged(VERSION, errors[places], places, A_MINUTE),
            lambda changes, newest: found.extend(
                (c.transition.event, subject.rows - BEFORE) for c in changes
            ),
        )
    assert [each for each in found if each[0] != "ready"] == told(errors, A_MINUTE)


class Minutes:
    """Gives evidence to episodes, a minute after the other, a few rows each."""

    def __init__(self, rows: int) -> None:
        self.episodes, self.clock = Episodes(guard_seconds=0.0, cooldown_seconds=0.0), Clock()
        self._rows, self._now = np.zeros(rows, dtype=np.int64), 1_700_000_000_000

    def give(self, evidence: Evidence, minutes: int, detection_ticks: float = 0.1) -> list[str]:
        found = []
        for _ in range(minutes):
            self._now += 60_000
            start = Position(0, self._now, {})
            self.clock.advance(Block((), self._rows, self._rows, start, self._now, True))
            told = self.episodes.look(
                evidence, self.clock, ready=True, detection_ticks=detection_ticks
            )
            found += [told.event] if told else []
        return found


def test_a_suspicion_waits_for_rows_and_not_for_minutes_alone() -> None:
    stream = Minutes(rows=2)
    stream.give(CALM, 1)
    assert stream.give(DRIFTING, 1, detection_ticks=1.0) == ["pending"]
    assert stream.give(CALM, 4 * 256 // 2) == []
    assert stream.give(CALM, 1) == ["transient"]


@pytest.mark.parametrize(
    ("detection_ticks", "rows"), [(0.1, FEWEST_ROWS), (1.0, CLEAR_ROWS_FACTOR * 256)]
)
def test_an_episode_waits_for_rows_and_says_how_many(detection_ticks: float, rows: float) -> None:
    stream = Minutes(rows=2)
    stream.give(CALM, 1)
    assert stream.give(DRIFTING, 2, detection_ticks) == ["pending", "firing"]
    half = int(rows) // 4
    assert stream.give(CALM, half - 1) == []
    assert stream.episodes.recovery(stream.clock) is None
    stream.give(CALM, 1)
    recovery = stream.episodes.recovery(stream.clock)
    assert recovery is not None
    assert (recovery.rows, recovery.rows_left) == (rows / 2, rows / 2)
    assert stream.give(CALM, half) == []
    assert stream.give(CALM, 1) == ["resolved"]
