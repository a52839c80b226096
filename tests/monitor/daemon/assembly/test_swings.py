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


def warned(bundle, errors) -> bool:
    config = Config.model_validate(
        {"model": "m", "kafka": {"topic": "in"}, "codec": {"name": "raw"}}
    )
    given = replace(bundle, reference=Reference.calibrate(errors, ordered=True))
    with capture_logs() as said:
        build_judge(config, given)
    return any("swing slowly" in line["event"] for line in said)


def test_a_slow_swing_is_told(bundle):
    swing = np.exp(0.5 * np.sin(np.arange(20_000) / 2000))
    assert warned(bundle, normal_errors(20_000, 1) * swing)


@pytest.mark.parametrize("count", [300, 800, 20_000])
def test_errors_that_do_not_swing_are_not_said_to(bundle, count):
    assert not warned(bundle, normal_errors(count, 1))
