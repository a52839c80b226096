"""Which channels the configuration has watched, and what is said where there are none."""

from dataclasses import replace

import numpy as np
import pytest
import structlog
from pydantic import ValidationError

from models.recipe import train
from models.settings import TrainingSettings
from monitor.config import Config
from monitor.daemon.assembly.daemon import fingerprint
from monitor.daemon.assembly.judge import build_judge, channels_of, judge_settings
from monitor.daemon.assembly.model import build_scorer
from monitor.drift.channels.last_values import LastValues
from monitor.drift.channels.with_channels import WithChannels
from monitor.errors import ConfigError


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rows = np.random.default_rng(0).standard_normal((1500, 3)).astype(np.float32)
    settings = TrainingSettings("dense", epochs=1, ordered=True)
    return train(rows, tmp_path_factory.mktemp("channels_of") / "model", settings)


def config(**drift):
    return Config.model_validate(
        {"model": "m", "kafka": {"topic": "in"}, "codec": {"name": "raw"}, "drift": drift}
    )


def test_by_default_none_are_and_fingerprints_of_before_stay(bundle):
    assert channels_of(config(), bundle) is None
    assert "channels" not in config().drift.identity()
    assert fingerprint(config()) != fingerprint(config(channels="standard"))


def test_a_change_of_weights_is_one_of_the_settings_that_memory_depends_on():
    plain = config(channels="standard")
    assert "channel_weights" not in plain.drift.identity()
    assert fingerprint(config(channels="standard", channel_weights={})) == fingerprint(plain)
    found = [
        fingerprint(config(channels="standard", channel_weights=weights))
        for weights in ({"input": 2}, {"input": 3}, {"residual": 2}, {"input": 2, "code": 0.5})
    ]
    assert len({*found, fingerprint(plain)}) == 5
    same = config(channels="standard", channel_weights={"code": 0.5, "input": 2.0})
    assert fingerprint(same) == found[3]


def test_the_judge_gets_the_weights(bundle):
    asked = config(channels="standard", channel_weights={"input": 4})
    assert judge_settings(asked).channel_weights == {"input": 4.0}
    heavy, plain = (
        build_judge(each, bundle).detector.channels for each in (asked, config(channels="standard"))
    )
    share = heavy._share.sum(axis=1) / plain._share.sum(axis=1)  # of each channel, in its half
    groups = [view.group for view in bundle.channels.each]
    count, inputs = len(groups), groups.count("input")
    ratio = count / (count + 3 * inputs)
    assert share == pytest.approx([4 * ratio if g == "input" else ratio for g in groups])


@pytest.mark.parametrize(
    ("drift", "error"),
    [
        ({"channel_weights": {"input": 2}}, "channel_weights needs channels: standard"),
        (
            {"channels": "standard", "channel_weights": {"inputs": 2}},
            "channel_weights: there is no group 'inputs'; groups are input, residual, code,",
        ),
        ({"channels": "standard", "channel_weights": {"input": 0}}, "from 0.01 to 100, got 0"),
        ({"channels": "standard", "channel_weights": {"input": True}}, "must be a number, got tr"),
        ({"channels": "standard", "channel_weights": {"input": "much"}}, "valid number"),
        ({"channels": "standard", "channel_weights": 2}, "valid dictionary"),
    ],
)
def test_wrong_weights_are_refused(drift, error):
    with pytest.raises(ValidationError, match=error):
        config(**drift)


def test_standard_are_all_and_patterns_some(bundle):
    assert channels_of(config(channels="standard"), bundle) is bundle.channels
    some = channels_of(config(channels=["feature 1*", "distance"]), bundle)
    assert [view.name for view in some.each] == ["feature 1", "feature 1 residual", "code distance"]


def test_scorer_and_judge_agree_on_them(bundle):
    asked = config(channels=["input"])
    scorer = build_scorer(asked, bundle, channels_of(asked, bundle))
    scores = scorer.score(np.zeros((4, 3), dtype=np.float32))
    assert scores.channels.shape == (4, 3)
    detector = build_judge(asked, bundle).detector
    assert isinstance(detector, WithChannels)
    rows = np.zeros(4, dtype=np.int64)
    digits = detector.channels.digitise(scores.channels, [0, 4], rows, LastValues())
    assert digits.tally(0).counts.sum() == 4 * 3


@pytest.mark.parametrize(
    ("drift", "error"),
    [
        ({"channels": ["nothing"]}, "fits none of the model's channels. Some of them are feature"),
        ({"channels": "standard", "detector": "binomial"}, "needs drift.detector: betting"),
        (
            {"channels": "standard", "channel_weights": {"cell": 2}},
            "drift.channel_weights: no channel of group cell is watched; .*: input, residual, code",
        ),
        (
            {"channels": ["input"], "channel_weights": {"code": 2}},
            "no channel of group code is watched; of this model these are: input.",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(bundle, drift, error):
    with pytest.raises(ConfigError, match=error):
        channels_of(config(**drift), bundle)


def test_a_bundle_of_before_is_watched_by_its_error_alone_and_the_log_says_so(bundle):
    with structlog.testing.capture_logs() as logs:
        assert channels_of(config(channels="standard"), replace(bundle, channels=None)) is None
    assert [line["log_level"] for line in logs] == ["warning"]
    assert "the bundle has no channels" in logs[0]["event"]
