"""What looks like a broken sensor, and what is only another world. No model is trained here."""

import numpy as np
import pytest
from scipy import ndimage

from models.input_spec import InputSpec
from models.schema import Schema
from monitor.config.gates import GateConfig
from monitor.demo import digits, drifts
from monitor.retrain_job.broken_input import alike, noise, prepared, repeated, stuck

GATES = GateConfig()
IMAGES = digits.load()
SPEC = InputSpec.fit(IMAGES)
BEFORE = prepared(SPEC, IMAGES[:400])
NOW = IMAGES[400:1000]
RNG = np.random.default_rng(0)

GENUINE = {
    "nothing": lambda x: x,
    "contrast": lambda x: (x * 0.6).astype(np.uint8),
    "rotation": lambda x: drifts.rotate(x, RNG),
    "wide pen": lambda x: ndimage.grey_dilation(x, (1, 2, 2)),
    "thin pen": lambda x: ndimage.grey_erosion(x, (1, 2, 2)),
    "polarity": lambda x: drifts.invert(x, RNG),
    "noise": lambda x: drifts.noise(x, RNG),
    "moved": lambda x: np.roll(x, 3, axis=2),
}


def black(images):
    """A quarter of the sensor is dead."""
    dead = images.copy()
    dead[:, :14, :14] = 0
    return dead


def dead_rows(images):
    dead = images.copy()
    dead[:, 14:16] = 255
    return dead


def flickering(images):
    """Every second frame is empty but for a little noise."""
    dead = images.copy()
    dead[::2] = RNG.integers(0, 4, dead[::2].shape)
    return dead


def vectors(count, seed=0):
    hidden = np.random.default_rng(seed).uniform(0, 3, (count, 1))
    noise = np.random.default_rng(seed + 1).normal(scale=0.05, size=(count, 4))
    return np.hstack([hidden, 2 * hidden, np.sin(hidden), 5 - hidden]) + noise


@pytest.mark.parametrize("name", GENUINE)
def test_a_changed_world_has_no_stuck_pixels_and_no_copies(name: str) -> None:
    rows = prepared(SPEC, GENUINE[name](NOW))
    assert stuck((rows,), BEFORE, SPEC, GATES).found is False
    assert repeated(rows, BEFORE, GATES).found is False
    assert repeated(rows, None, GATES).found is False


@pytest.mark.parametrize(
    ("fault", "said"),
    [(black, "42 of 2.. pixels that used to vary are stuck"), (dead_rows, "pixels that used")],
)
def test_dead_pixels_are_found_wherever_they_begin(fault, said: str) -> None:
    good, broken = prepared(SPEC, NOW), prepared(SPEC, fault(NOW))
    for parts in ((broken, broken), (good, broken), (broken, good)):
        sign = stuck(parts, BEFORE, SPEC, GATES)
        assert sign.found
        assert sign.text.endswith("are stuck")
    assert stuck((broken,), None, SPEC, GATES).found is None


@pytest.mark.parametrize("older", [BEFORE, None])
@pytest.mark.parametrize("fault", [lambda x: drifts.stuck(x, RNG), flickering])
def test_frozen_and_empty_frames_are_found_without_older_records_too(fault, older) -> None:
    assert repeated(prepared(SPEC, fault(NOW)), older, GATES).found


def test_copies_that_were_usual_before_are_no_sign() -> None:
    few = np.repeat(NOW[:100], 4, axis=0)
    rows = prepared(SPEC, few)
    assert repeated(rows, None, GATES).found
    assert not repeated(rows, rows, GATES).found


def test_a_feature_that_is_stuck_is_named() -> None:
    spec = InputSpec.fit(vectors(500), Schema.numbers(("speed", "torque", "heat", "load")))
    now = vectors(300, seed=7)
    assert not stuck((prepared(spec, 1.5 * now + 2),), None, spec, GATES).found
    now[:, 2] = 0.3 + np.random.default_rng(1).normal(scale=0.001, size=300)
    sign = stuck((prepared(spec, now),), None, spec, GATES)
    assert sign.found
    assert sign.text == "1 of 4 features that used to vary are stuck (heat)"


def test_a_feature_that_was_still_before_or_never_varied_is_not_stuck() -> None:
    training = vectors(500)
    training[:, 1] = 7
    spec = InputSpec.fit(training)
    now, before = vectors(300, seed=7), vectors(300, seed=8)
    now[:, 1] = before[:, 1] = 7
    now[:, 3] = before[:, 3] = 4.0
    assert not stuck((prepared(spec, now),), prepared(spec, before), spec, GATES).found


def test_errors_in_a_narrow_band_are_a_sign() -> None:
    rng = np.random.default_rng(0)
    usual = rng.lognormal(sigma=0.4, size=500)
    assert alike(1 + 0.02 * rng.random(300), usual, GATES).found
    assert alike(np.zeros(300), usual, GATES).found
    assert not alike(9 * rng.lognormal(sigma=0.3, size=300), usual, GATES).found
    assert alike(usual, np.ones(50), GATES).found is None


def test_what_the_candidate_cannot_explain_is_noise() -> None:
    vector = InputSpec.fit(vectors(100))
    assert noise(0.05, 0.8, vector, GATES).found
    assert not noise(0.4, 0.8, vector, GATES).found
    assert not noise(0.1, 0.2, vector, GATES).found
    assert noise(0.05, None, SPEC, GATES).found
    assert noise(0.05, None, vector, GATES).found is None


def test_a_record_that_is_alone_is_judged_without_a_fault() -> None:
    one = prepared(SPEC, NOW[:1])
    assert not repeated(one, BEFORE, GATES).found
