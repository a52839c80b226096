"""The scorer: rows to errors, p-values and flags."""

import warnings

import numpy as np
import pytest

from models.bundle import load
from models.errors import ShapeError, UserError
from models.recipe import train
from models.reconstruction import BATCH
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer
from tests.data import digit_images

IMAGES = digit_images()
HELD_BACK = IMAGES[1200:]


@pytest.fixture(scope="module")
def scorer(digits_bundle):
    return Scorer(load(digits_bundle), "cpu")


def test_scores_are_what_the_reference_says_of_the_errors(scorer):
    scores = scorer.score(HELD_BACK)
    reference = scorer.bundle.reference
    assert scores.reconstruction_error.shape == (len(HELD_BACK),)
    assert scores.reconstruction_error.dtype == np.float64
    assert (scores.reconstruction_error > 0).all()
    np.testing.assert_array_equal(scores.p_value, reference.p_values(scores.reconstruction_error))
    np.testing.assert_array_equal(
        scores.anomalous, reference.anomalous(scores.reconstruction_error)
    )
    assert scores.model_version == scorer.bundle.version


def test_noise_is_anomalous_and_digits_are_not(scorer):
    noise = np.random.default_rng(0).integers(0, 240, (100, 8, 8), dtype=np.uint8)
    assert scorer.score(noise).anomalous.all()
    assert scorer.score(HELD_BACK).anomalous.mean() < 0.05


def test_scores_do_not_depend_on_how_rows_are_batched(scorer):
    rows = np.concatenate([IMAGES, IMAGES])[: 3 * BATCH + 7]
    whole = scorer.score(rows)
    parts = [scorer.score(rows[start : start + 100]) for start in range(0, len(rows), 100)]
    np.testing.assert_allclose(
        np.concatenate([part.reconstruction_error for part in parts]),
        whole.reconstruction_error,
        rtol=1e-5,
    )
    np.testing.assert_array_equal(
        np.concatenate([part.anomalous for part in parts]), whole.anomalous
    )


def test_rows_of_another_type_but_the_same_values_score_alike(scorer):
    whole = scorer.score(HELD_BACK[:50]).reconstruction_error
    for dtype in (np.float64, np.float32, np.int64, ">i2"):
        other = scorer.score(HELD_BACK[:50].astype(dtype)).reconstruction_error
        np.testing.assert_array_equal(other, whole)


def test_no_rows_have_no_scores(scorer):
    assert scorer.score(IMAGES[:0]).anomalous.shape == (0,)


@pytest.mark.parametrize("shape", [(3, 8, 9), (3, 64), (3,), (3, 8, 8, 1)])
def test_rows_of_another_shape_are_refused(scorer, shape):
    with pytest.raises(ShapeError):
        scorer.score(np.zeros(shape))


def test_values_far_out_of_range_are_anomalous_and_nothing_warns(scorer):
    rows = np.full((2, 8, 8), np.finfo(np.float64).max)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = scorer.score(rows)
    assert scores.anomalous.all()
    assert (scores.p_value == scorer.bundle.reference.smallest_p_value).all()


def test_a_reconstruction_explains_the_error(scorer):
    made = scorer.reconstruct(IMAGES[:5])
    assert made.original.shape == made.reconstruction.shape == made.element_error.shape
    np.testing.assert_allclose(made.original[:, 0], IMAGES[:5], atol=1e-3)
    np.testing.assert_allclose(
        made.element_error.mean((1, 2, 3)),
        scorer.score(IMAGES[:5]).reconstruction_error,
        rtol=1e-5,
    )


def test_an_unknown_device_is_refused(digits_bundle):
    with pytest.raises(UserError, match="device"):
        Scorer(load(digits_bundle), "abacus")


def test_a_model_of_vectors_scores_vectors(tmp_path):
    records = np.random.default_rng(0).normal(size=(80, 5))
    bundle = train(records, tmp_path / "model", TrainingSettings(epochs=2, device="cpu"))
    scores = Scorer(bundle, "cpu").score(records)
    assert np.isfinite(scores.reconstruction_error).all()
    assert scores.p_value.min() >= bundle.reference.smallest_p_value
