"""A whole retraining on digits: a lasting change passes, a broken camera is refused, and why."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import load
from models.description import Description
from models.recipe import train
from models.settings import TrainingSettings
from monitor.config.gates import GateConfig
from monitor.drift.judge_settings import JudgeSettings
from monitor.retrain_job.candidate import Mixture
from monitor.retrain_job.comparison import Before, Labelled
from monitor.retrain_job.reading import Stretch
from monitor.retrain_job.run import RATE, Choices, Inputs, Result, rate_of, retrain
from tests.data import digit_images
from tests.models.swinging import swing, times

RNG = np.random.default_rng(0)
CHOICES = Choices(Mixture(trim=0), GateConfig(), JudgeSettings(), device="cpu")


def darker(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(images * 0.6, dtype=np.uint8)


def run(bundle: Path, images: NDArray[np.uint8], out: Path, **changes: object) -> Result:
    stretch = Stretch(images, np.arange(len(images)) * 10)
    noise = RNG.integers(0, 150, (60, 8, 8), dtype=np.uint8)
    inputs = Inputs(
        current=load(bundle),
        drifted=stretch,
        before=Before(digit_images(300), "test"),
        labelled=Labelled({"noise": noise}, None, "test"),
        source="test",
        rate=100,
    )
    return retrain(inputs, CHOICES, out / "bundle")


def outcomes(result: Result) -> dict[str, str]:
    return {gate.name: gate.outcome for gate in result.gates}


def reason(result: Result, name: str) -> str:
    return next(gate.reason for gate in result.gates if gate.name == name)


def test_a_lasting_change_passes_and_ends_the_false_alarms(
    digits_bundle: Path, tmp_path: Path
) -> None:
    result = run(digits_bundle, darker(digit_images()[1200:]), tmp_path)
    assert outcomes(result) == {
        "broken_input": "passed",
        "false_alarms": "passed",
        "no_drift": "passed",
        "auc_loss": "passed",
    }
    assert result.passed
    bundle = load(tmp_path / "bundle")
    assert bundle.version == result.evaluation.bundle.version != result.current.bundle.version
    assert bundle.reference.ordered
    assert bundle.metadata["data"]["records"] == len(result.learned) == 418
    assert len(result.held_out) == 179
    assert result.evaluation.before is not None


def test_a_frozen_frame_with_noise_is_refused(digits_bundle: Path, tmp_path: Path) -> None:
    frozen = np.repeat(digit_images(1).astype(float), 597, axis=0)
    images = np.clip(frozen + RNG.normal(0, 8, frozen.shape), 0, 255).astype(np.uint8)
    result = run(digits_bundle, images, tmp_path)
    assert not result.passed
    assert outcomes(result)["broken_input"] == "refused"
    assert "explains" in reason(result, "broken_input")


def test_a_dead_region_is_refused(digits_bundle: Path, tmp_path: Path) -> None:
    images = digit_images()[1200:].copy()
    images[:, :4, :4] = 0
    result = run(digits_bundle, images, tmp_path)
    assert not result.passed
    assert "pixels that used to vary are stuck" in reason(result, "broken_input")


def test_a_stream_that_is_still_changing_is_refused(digits_bundle: Path, tmp_path: Path) -> None:
    images = digit_images()[1200:].copy()
    images[418:] = 255 - images[418:]
    result = run(digits_bundle, images, tmp_path)
    found = outcomes(result)
    assert (found["false_alarms"], found["no_drift"]) == ("refused", "refused")
    assert "still changing" in reason(result, "false_alarms")


def test_values_that_lost_their_type_on_the_way_get_it_back(
    digits_bundle: Path, tmp_path: Path
) -> None:
    images = digit_images()[1200:1400]
    result = run(digits_bundle, images.astype(np.float64), tmp_path)
    assert result.evaluation.bundle.input_spec == load(digits_bundle).input_spec


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [([0, 500, 1000], 100.0), ([-1, -1, -1], RATE), ([5, 5, 5], RATE), ([-1, 0, 1000], 100.0)],
)
def test_the_rate_is_that_of_all_records_not_of_those_chosen(
    stamps: list[int], expected: float
) -> None:
    stretch = Stretch(np.zeros((3, 1)), np.array(stamps))
    assert rate_of(stretch, 100) == expected


def test_a_candidate_is_asked_for_the_hour_that_the_current_model_knows(tmp_path: Path) -> None:
    when = times(4000, 40)
    rng = np.random.default_rng(0)

    def rows(scale: float) -> NDArray[np.float64]:
        x = rng.standard_normal((4000, 2))
        noise = scale * swing(when, 1.0) * rng.standard_normal(4000)
        return np.column_stack([x, x.sum(axis=1) + noise])

    settings = TrainingSettings("linear", calibration_fraction=0.4)
    described = Description(moments=when, context="auto")
    train(rows(0.2), tmp_path / "model", settings, described=described)
    inputs = Inputs(load(tmp_path / "model"), Stretch(rows(0.4), when), None, None, "test", 1.0)
    result = retrain(inputs, CHOICES, tmp_path / "candidate")
    assert result.candidate.bundle.context is not None
    assert outcomes(result)["no_drift"] == "passed"
    untold = replace(inputs, drifted=Stretch(rows(0.4), np.full(4000, -1)))
    assert retrain(untold, CHOICES, tmp_path / "untold").candidate.bundle.context is None
