"""The drift states."""

import pytest

from monitor.detectors.evidence import Evidence
from monitor.episodes import Episodes, State


def evidence(statistic: float) -> Evidence:
    return Evidence(statistic, 5.0, 3.0, "larger", 0.5, 2.0, "")


def play(episodes: Episodes, statistics: list[float]) -> list[str]:
    return [t.event for s in statistics for t in episodes.look(evidence(s), 1000)]


def fresh(confirmations: int = 3, clearances: int = 2) -> Episodes:
    return Episodes(500, confirmations, clearances)


def test_nothing_is_judged_before_enough_records() -> None:
    episodes = fresh()
    assert episodes.look(evidence(9.0), 499) == []
    assert episodes.state is State.LEARNING


def test_a_calm_stream_becomes_ok_and_stays_so() -> None:
    assert play(fresh(), [0.0] * 50) == ["ready"]


def test_drift_fires_after_the_confirmations_and_only_once() -> None:
    assert play(fresh(), [0.0, 6.0, 6.0, 6.0, 6.0, 6.0]) == ["ready", "pending", "firing"]


def test_a_single_spike_does_not_fire() -> None:
    assert play(fresh(), [0.0, 6.0, 0.0, 6.0, 0.0]) == [
        "ready",
        "pending",
        "cleared",
        "pending",
        "cleared",
    ]


def test_drift_from_the_first_record_fires() -> None:
    assert play(fresh(), [9.0, 9.0, 9.0]) == ["ready", "pending", "firing"]


def test_an_episode_ends_only_after_calm_below_the_lower_level() -> None:
    episodes = fresh()
    play(episodes, [0.0, 6.0, 6.0, 6.0])
    assert play(episodes, [4.0, 4.0, 4.0, 4.0]) == []
    assert play(episodes, [2.0, 4.0, 2.0]) == []
    assert play(episodes, [2.0]) == ["resolved"]
    assert episodes.state is State.OK


def test_flicker_around_the_threshold_makes_one_episode() -> None:
    episodes = fresh()
    events = play(episodes, [0.0, 6.0, 6.0, 6.0] + [4.9, 5.1] * 50 + [1.0, 1.0])
    assert events == ["ready", "pending", "firing", "resolved"]


@pytest.mark.parametrize("confirmations", [1, 2, 5])
def test_confirmations_count_suspicious_looks_in_a_row(confirmations: int) -> None:
    episodes = fresh(confirmations=confirmations)
    play(episodes, [0.0])
    looks = 0
    while episodes.state is not State.FIRING:
        play(episodes, [6.0])
        looks += 1
    assert looks == confirmations
