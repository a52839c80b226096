"""The picture of the records with the largest errors."""

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.bundle import load
from models.recipe import train
from models.settings import TrainingSettings
from monitor.datasets import montage
from monitor.pipeline.scorer import Scorer
from tests.data import digit_images


@pytest.fixture(scope="module")
def scorer(digits_bundle):
    return Scorer(load(digits_bundle), "cpu")


def opened(png):
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 12])
def test_images_are_shown_with_reconstruction_and_error(scorer, count):
    pixels = opened(montage.draw(scorer, digit_images(count), ["title"] * count, "heading"))
    # Original and reconstruction are grey; only the error map is in colour.
    colourful = np.ptp(pixels.astype(int), axis=2) > 40
    assert colourful.any()
    assert (~colourful).mean() > 0.5


def test_more_records_make_a_larger_picture_not_smaller_ones(scorer):
    small = opened(montage.draw(scorer, digit_images(3), ["t"] * 3))
    large = opened(montage.draw(scorer, digit_images(12), ["t"] * 12))
    assert large.shape[0] > 1.5 * small.shape[0]


def test_titles_are_not_read_as_formulas(scorer):
    montage.draw(scorer, digit_images(1), ["$\\frac{$ 100% _x^"], "$\\bad{$")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_any_number_of_channels_are_drawn(tmp_path, channels):
    generator = np.random.default_rng(0)
    records = generator.integers(0, 256, (60, 9, 11, channels), dtype=np.uint8)
    bundle = train(records, tmp_path / "model", TrainingSettings(epochs=1, device="cpu"))
    opened(montage.draw(Scorer(bundle, "cpu"), records[:2], ["a", "b"]))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A bundle of vectors without names."""
    records = np.random.default_rng(0).normal(size=(80, 3))
    folder = tmp_path_factory.mktemp("vectors") / "model"
    return train(records, folder, TrainingSettings(epochs=1, device="cpu"))


@pytest.mark.parametrize("features", [(), ("speed", "$cost_{$", "a very long name" * 9)])
@pytest.mark.parametrize("count", [1, 3])
def test_vectors_are_shown_by_the_features_that_stand_out(vectors, features, count):
    spec = replace(vectors.input_spec, features=features)
    scorer = Scorer(replace(vectors, input_spec=spec), "cpu")
    opened(montage.draw(scorer, np.eye(3)[:count], ["title"] * count))


def test_nothing_global_is_touched(scorer):
    montage.draw(scorer, digit_images(1), ["title"])
    assert "matplotlib.pyplot" not in sys.modules
