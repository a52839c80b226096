"""A warning of cycles: where calibration shows one, and not where it is too short to tell."""

from dataclasses import replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from models.recipe import train
from models.reference import Reference
from models.settings import TrainingSettings
from monitor.config import Config
from monitor.daemon.assembly.judge import build_judge
from tests.monitor.builders import normal_errors


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rows = np.random.default_rng(0).standard_normal((1500, 3)).astype(np.float32)
    settings = TrainingSettings("dense", epochs=1, ordered=True)
    return train(rows, tmp_path_factory.mktemp("swings") / "model", settings)


def said_of(given, **drift) -> list[dict]:
    """What is logged while its judge is built."""
    config = Config.model_validate(
        {"model": "m", "kafka": {"topic": "in"}, "codec": {"name": "raw"}, "drift": drift}
    )
    with capture_logs() as said:
        build_judge(config, given)
    return said


def warned(bundle, errors) -> bool:
    said = said_of(replace(bundle, reference=Reference.calibrate(errors, ordered=True)))
    return any("swing slowly" in line["event"] for line in said)


def test_a_slow_swing_is_told(bundle):
    swing = np.exp(0.5 * np.sin(np.arange(20_000) / 2000))
    assert warned(bundle, normal_errors(20_000, 1) * swing)


@pytest.mark.parametrize("count", [300, 800, 20_000])
def test_errors_that_do_not_swing_are_not_said_to(bundle, count):
    assert not warned(bundle, normal_errors(count, 1))


def slow_channels(bundle, rows, *, ordered=True, slow=2, **drift) -> list[dict]:
    """Warnings of channels, if the first ones swing over some hundred records."""
    rng = np.random.default_rng(2)
    shape = (len(bundle.channels.each), rows)
    noise = rng.standard_normal(shape)
    noise[:slow] += 3 * np.sin((np.arange(rows) + rng.uniform(0, 500, slow)[:, None]) / 40)
    shown = replace(bundle.channels, values=noise.astype(np.float32), ordered=ordered)
    said = said_of(replace(bundle, channels=shown), **{"channels": "standard", **drift})
    return [line for line in said if "swing so slowly" in line["event"]]


def test_channels_whose_calibration_is_worth_little_are_named(bundle):
    (line,) = slow_channels(bundle, 2000)
    assert line["log_level"] == "warning"
    assert (line["slow"], line["channels"]) == (2, len(bundle.channels.each))
    assert set(line["independent_records"]) == {v.name for v in bundle.channels.each[:2]}
    assert all(0 < n < 100 for n in line["independent_records"].values())


def test_the_slowest_few_are_named(bundle):
    (line,) = slow_channels(bundle, 2000, slow=6)
    assert line["slow"] == 6
    assert len(line["independent_records"]) == 5
    worth = list(line["independent_records"].values())
    assert worth == sorted(worth)


def test_of_others_nothing_is_said(bundle):
    assert slow_channels(bundle, 2000, slow=0) == []
    assert slow_channels(bundle, 2000, ordered=False) == []  # nobody knows
    assert slow_channels(bundle, 2000, channels="off") == []
    left_out = [view.name for view in bundle.channels.each[2:]]
    assert slow_channels(bundle, 2000, channels=left_out) == []
