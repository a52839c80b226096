"""Drift in one feature that the reconstruction error does not show: found, named, told apart."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from models.channels import Channels
from monitor.drift.judge import Change
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import (
    CALIBRATION,
    FEATURES,
    D,
    Values,
    channels_of,
    events,
    feed,
    judge,
    values,
)

BEFORE, AFTER = 8192, 20_000


@lru_cache
def known() -> Channels:
    return channels_of(values(np.random.default_rng(1), CALIBRATION))


def fired(
    change: Callable[[Values], Values], factor: float = 1.0, seed: int = 0
) -> tuple[int, Change]:
    """When a changed stream fires, in records after the change."""
    subject, rng = judge(known()), np.random.default_rng([2, seed])
    assert events(feed(subject, normal_errors(BEFORE, 3), values(rng, BEFORE))) == []
    errors = normal_errors(AFTER, 4, scale=factor)
    found = feed(subject, errors, change(values(rng, AFTER)), first=BEFORE)
    return next((n, each) for n, each in found if each.transition.event == "firing")


def stuck(column: int) -> Callable[[Values], Values]:
    def change(shown: Values) -> Values:
        shown[:, column] = 0.75
        shown[:, D + column] = 0.75 - shown[:, (column + 1) % D]
        return shown

    return change


def offset(column: int, size: float) -> Callable[[Values], Values]:
    def change(shown: Values) -> Values:
        shown[:, [column, D + column]] += size
        return shown

    return change


@pytest.mark.parametrize("column", range(D))
def test_a_stuck_sensor_is_found_and_named_first_with_the_value_it_is_stuck_at(column):
    delay, change = fired(stuck(column))
    assert delay <= 320
    first = change.verdict.channels[0]
    assert first.feature == FEATURES[column]
    assert f"`{FEATURES[column]}` is stuck at 21.5 since" in change.verdict.explanation
    assert change.verdict.kind == "input"


@pytest.mark.parametrize("column", [0, 3, 5])
def test_an_offset_of_half_a_standard_deviation_is_found_with_its_size_and_onset(column):
    delay, change = fired(offset(column, -0.5))
    assert delay <= 700
    first = change.verdict.channels[0]
    assert (first.feature, first.direction) == (FEATURES[column], "lower")
    assert first.effect.low < -0.5 < first.effect.high
    assert first.since == pytest.approx(1_700_000_000_000 + BEFORE, abs=256)
    assert "standard deviations lower" in change.verdict.explanation


def test_noise_on_one_sensor_is_found_and_called_wider():
    def noisier(shown: Values) -> Values:
        rng = np.random.default_rng(5)
        shown[:, [2, D + 2]] += rng.standard_normal((len(shown), 1)).astype(np.float32)
        return shown

    delay, change = fired(noisier)
    first = change.verdict.channels[0]
    assert delay <= 500
    assert (first.feature, first.direction) == ("pressure", "wider")


def test_errors_that_grow_are_error_drift_even_where_inputs_have_moved():
    _, change = fired(lambda shown: shown, factor=3.0)
    assert (change.verdict.kind, change.verdict.direction) == ("error", "larger")


def test_input_drift_that_becomes_error_drift_is_told_at_once():
    subject, rng = judge(known(), cooldown_seconds=600.0), np.random.default_rng(6)
    shown = stuck(0)(values(rng, 12_000))
    found = feed(subject, normal_errors(4000, 7), shown[:4000])
    assert events(found) == ["pending", "firing"]
    later = feed(subject, normal_errors(8000, 8, scale=3.0), shown[4000:], first=4000)
    assert events(later) == ["turned"]
    rows, change = later[0]
    assert rows <= 1500
    assert (change.verdict.kind, change.verdict.direction) == ("error", "larger")
    assert change.alert is not None


def test_an_episode_ends_when_the_sensor_moves_again():
    subject, rng = judge(known()), np.random.default_rng(9)
    feed(subject, normal_errors(2000, 1), stuck(1)(values(rng, 2000)))
    found = feed(subject, normal_errors(60_000, 2), values(rng, 60_000), first=2000)
    assert events(found) == ["resolved"]
    assert found[0][1].verdict.kind == "input"
    assert subject.verdict.kind == ""


@pytest.mark.parametrize("unit", [1e6, 1e-6])
def test_the_unit_of_a_channel_changes_nothing_of_what_is_found(unit):
    factor = np.ones(2 * D, dtype=np.float32)
    factor[[0, D]] = unit
    rng = np.random.default_rng(1)
    scaled = channels_of(values(rng, CALIBRATION) * factor)
    plain, other = judge(known()), judge(scaled)
    shown = offset(0, 0.5)(values(np.random.default_rng(3), 4096))
    both = [
        feed(subject, normal_errors(4096, 1), each)
        for subject, each in ((plain, shown), (other, shown * factor))
    ]
    one, two = ([(n, e.transition, e.verdict.channels[0].channel) for n, e in f] for f in both)
    assert one == two
    assert events(both[0]) == ["pending", "firing"]


def test_a_constant_channel_says_so_when_it_moves_and_never_else():
    calibration = values(np.random.default_rng(1), CALIBRATION)
    calibration[:, 4] = 0.25
    subject, rng = judge(channels_of(calibration)), np.random.default_rng(2)
    shown = values(rng, 40_000)
    shown[:, 4] = 0.25
    assert events(feed(subject, normal_errors(40_000, 1), shown)) == []
    moved = values(rng, 4096)
    moved[:, 4] = np.where(rng.random(4096) < 0.2, 1.25, 0.25)
    found = feed(subject, normal_errors(4096, 2), moved, first=40_000)
    assert events(found) == ["pending", "firing"]
    assert found[1][0] <= 700
    assert found[1][1].verdict.channels[0].channel == "speed"


def test_a_channel_of_few_values_bets_on_how_often_they_come():
    def coin(rng: np.random.Generator, n: int, share: float) -> Values:
        shown = values(rng, n)
        shown[:, 0] = rng.random(n) < share
        return shown

    subject = judge(channels_of(coin(np.random.default_rng(1), CALIBRATION, 0.3)))
    rng = np.random.default_rng(2)
    assert events(feed(subject, normal_errors(40_000, 1), coin(rng, 40_000, 0.3))) == []
    found = feed(subject, normal_errors(8192, 2), coin(rng, 8192, 0.6), first=40_000)
    assert events(found) == ["pending", "firing"]
    assert found[1][1].verdict.channels[0].channel == "temperature"


def test_what_moves_slower_is_named_while_the_episode_lasts_and_what_was_told_stays():
    subject, rng = judge(known()), np.random.default_rng(21)
    feed(subject, normal_errors(BEFORE, 3), values(rng, BEFORE))
    shown = offset(4, 0.2)(stuck(1)(values(rng, AFTER)))
    found = feed(subject, normal_errors(AFTER, 4), shown, first=BEFORE)
    assert events(found) == ["pending", "firing"]
    told = {each.feature for each in found[-1][1].verdict.channels}
    assert told == {"flow"}  # a dead sensor is found again and again, long before the offset is
    channels = subject.verdict.channels
    assert list(dict.fromkeys(each.feature for each in channels)) == ["flow", "speed"]
    speed = next(each for each in channels if each.feature == "speed")
    assert speed.effect.low < 0.2 < speed.effect.high
    # since the drift began, not since the alarm or since it was found again
    assert speed.since == pytest.approx(1_700_000_000_000 + BEFORE, abs=1024)
    assert "`speed` is 0.2" in subject.verdict.explanation


def test_a_long_episode_adds_no_channel_that_has_not_moved():
    for seed in range(4):
        subject, rng = judge(known()), np.random.default_rng([22, seed])
        shown = stuck(1)(values(rng, 60_000))
        found = feed(subject, normal_errors(60_000, seed), shown)
        assert events(found) == ["pending", "firing"]
        assert {each.feature for each in subject.verdict.channels} == {"flow"}


def test_residuals_of_others_that_follow_from_an_input_stand_behind_it():
    def change(shown: Values) -> Values:
        shown[:, 2] += 0.8
        shown[:, [D, D + 1, D + 4, D + 5]] += 3.0  # a model that foretells them from the third
        return shown

    _, found = fired(change)
    named = list(dict.fromkeys(each.feature for each in found.verdict.channels))
    assert named[0] == "pressure"
    assert set(named[1:]) == {"temperature", "flow", "speed", "power"}
    assert found.verdict.explanation.index("`pressure`") < found.verdict.explanation.index("`flow`")
