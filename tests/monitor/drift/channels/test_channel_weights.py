"""Weights by group: the budget stays, and what weighs more is found sooner."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.channel_groups import GROUPS
from models.channels import Channels
from models.views import Views
from monitor.drift.channels.repeat_bets import REPEATED
from monitor.drift.channels.weights import LEAST, MOST, check, check_fit, divisors
from monitor.drift.channels.with_channels import WithChannels
from monitor.drift.judge_state import encode
from tests.models.builders import spec_of
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import (
    FEATURES,
    D,
    channels_of,
    events,
    feed,
    judge,
    values,
)

UNEVEN = {"input": MOST, "residual": LEAST}
BEFORE, AFTER = 4096, 20_000


def known() -> Channels:
    return channels_of(values(np.random.default_rng(1), 5000))


def test_weights_add_up_to_the_whole_and_have_the_ratio_that_was_asked_for():
    each = 1 / divisors({"input": 2}, known())
    assert each.sum() == pytest.approx(1, abs=1e-12)
    assert each[:D] == pytest.approx(2 * each[D:])
    assert len(set(each[:D])) == len(set(each[D:])) == 1


@pytest.mark.parametrize("weights", [{}, {"input": 2}, UNEVEN])
def test_the_evidence_is_half_the_errors_and_half_the_weighted_mean_of_the_channels(weights):
    subject = judge(known(), channel_weights=weights)
    shown = values(np.random.default_rng(3), 256)
    shown[:, 0] += 0.1
    assert feed(subject, normal_errors(256, 4), shown) == []
    detector = subject.detector
    assert isinstance(detector, WithChannels)
    test = detector.channels
    of_repeats = [[view.group == "input"] * len(REPEATED) for view in known().each]
    useful = np.concatenate([test._bets.useful, of_repeats], axis=1)
    own = (test._capital * useful).sum(axis=1) / useful.sum(axis=1)  # of each channel
    mean = np.average(own, weights=1 / divisors(weights, known()))
    assert test.evidence == pytest.approx(mean, rel=1e-9)
    both = 10**subject.verdict.statistic
    assert both == pytest.approx((detector._own + mean) / 2, rel=1e-9)


@pytest.mark.parametrize("ordered", [True, False])
def test_an_in_control_stream_never_fires_whatever_the_weights(ordered):
    rng = np.random.default_rng(21)
    lag = 0.9 if ordered else 0.0
    channels = channels_of(values(rng, 20_000, rho=0.9, lag=lag), ordered=ordered)
    subject = judge(channels, channel_weights=UNEVEN)
    found = feed(subject, normal_errors(110_000, 22), values(rng, 110_000, rho=0.9, lag=lag))
    assert "firing" not in events(found)


def delay(weights: dict[str, float], column: int, shift: float) -> int:
    """Records until a shifted channel is found."""
    subject, rng = judge(known(), channel_weights=weights), np.random.default_rng(5)
    assert events(feed(subject, normal_errors(BEFORE, 6), values(rng, BEFORE))) == []
    shown = values(rng, AFTER)
    shown[:, column] += shift
    found = feed(subject, normal_errors(AFTER, 7), shown, first=BEFORE)
    first = next((n, each) for n, each in found if each.transition.event == "firing")
    assert first[1].verdict.channels[0].feature == FEATURES[column % D]
    return first[0]


def test_a_channel_of_a_heavier_group_is_found_sooner():
    residual = D + 2
    heavy, equal, light = (
        delay(weights, residual, 0.3) for weights in ({"residual": 100}, {}, {"residual": 0.01})
    )
    assert heavy <= equal < light
    assert heavy < light - 64


def test_equal_weights_are_none():
    states = []
    for weights in ({}, {"input": 1, "residual": 1}, {"input": 3, "residual": 3}):
        subject = judge(known(), channel_weights=weights)
        shown = values(np.random.default_rng(8), 4000)
        shown[2000:, 0] = 0.5
        feed(subject, normal_errors(4000, 9), shown)
        states.append(encode(subject.state()))
    assert states[0] == states[1] == states[2]


def test_what_a_channel_has_won_itself_is_told_whatever_its_weight():
    told = []
    for weights in ({}, UNEVEN):
        subject = judge(known(), channel_weights=weights)
        shown = values(np.random.default_rng(8), 64)
        shown[:, D + 1] += 2
        feed(subject, normal_errors(64, 9), shown)
        told.append(subject.detector.channels.found()[0][0])
    assert told[0].channel == told[1].channel == "flow residual"
    assert told[0].evidence == pytest.approx(told[1].evidence)


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({"inputs": 2}, "there is no group 'inputs'; groups are input, residual, code, distance"),
        ({"input": 0}, "the weight of input must be from 0.01 to 100, got 0"),
        ({"input": 101}, "must be from 0.01 to 100, got 101"),
        ({"input": float("nan")}, "must be from 0.01 to 100, got nan"),
    ],
)
def test_what_cannot_be_a_weight_is_refused(weights, fault):
    with pytest.raises(ValueError, match=fault):
        check(weights)


def test_a_group_of_which_nothing_is_watched_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"no channel of group code .*: input, residual$"):
        check_fit({"code": 2}, known())
    check_fit({"input": 2, "residual": 1}, known())


def test_the_groups_are_those_of_all_views():
    fit = {"code_mean": torch.zeros(2), "code_whitening": torch.zeros(2, 2)}
    fit |= {f"{what}_directions": torch.zeros(300, 4) for what in ("input", "residual")}
    found = {
        view.group
        for shape in ((3,), (300,), (2, 16), (1, 8, 8))
        for view in Views(spec_of(shape), fit).all
    }
    assert found == set(GROUPS)


def test_the_schema_of_alerts_names_all_groups():
    schema = Path(__file__).parents[4] / "docs" / "schemas" / "alert.json"
    verdict = json.loads(schema.read_text())["properties"]["verdict"]["properties"]
    assert verdict["channels"]["items"]["properties"]["group"]["enum"] == list(GROUPS)
