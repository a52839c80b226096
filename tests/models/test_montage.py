"""Pictures of records and of what models made of them."""

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models import montage
from models.bundle import load
from models.recipe import train
from models.reconstruction import Reconstructions, reconstructed
from models.schema import Schema
from models.settings import TrainingSettings
from models.sheet import shortened
from tests.data import digit_images
from tests.models.builders import spec_of


@pytest.fixture(scope="module")
def digits(digits_bundle):
    return load(digits_bundle)


def drawn(bundle, records, titles, heading=""):
    """The records with what the bundle's model makes of them."""
    spec = bundle.input_spec
    x = torch.from_numpy(spec.prepare(records))
    made = reconstructed(bundle.model, x, spec, bundle.error_metric)
    return montage.draw(spec, {"": made}, titles, heading)


def opened(png):
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 12])
def test_images_are_shown_with_reconstruction_and_error(digits, count):
    pixels = opened(drawn(digits, digit_images(count), ["title"] * count, "heading"))
    # Original and reconstruction are grey; only the error map is in colour.
    colourful = np.ptp(pixels.astype(int), axis=2) > 40
    assert colourful.any()
    assert (~colourful).mean() > 0.5


def test_more_records_make_a_larger_picture_not_smaller_ones(digits):
    small = opened(drawn(digits, digit_images(3), ["t"] * 3))
    large = opened(drawn(digits, digit_images(12), ["t"] * 12))
    assert large.shape[0] > 1.5 * small.shape[0]


def test_titles_are_not_read_as_formulas(digits):
    drawn(digits, digit_images(1), ["$\\frac{$ 100% _x^"], "$\\bad{$")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_any_number_of_channels_are_drawn(tmp_path, channels):
    generator = np.random.default_rng(0)
    records = generator.integers(0, 256, (60, 9, 11, channels), dtype=np.uint8)
    bundle = train(records, tmp_path / "model", TrainingSettings(epochs=1, device="cpu"))
    opened(drawn(bundle, records[:2], ["a", "b"]))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A bundle of vectors without names."""
    records = np.random.default_rng(0).normal(size=(80, 3))
    folder = tmp_path_factory.mktemp("vectors") / "model"
    return train(records, folder, TrainingSettings(epochs=1, device="cpu"))


@pytest.mark.parametrize("features", [(), ("speed", "$cost_{$", "a very long name" * 9)])
@pytest.mark.parametrize("count", [1, 3])
def test_vectors_are_shown_by_the_features_that_stand_out(vectors, features, count):
    spec = replace(vectors.input_spec, schema=Schema.numbers(features))
    named = replace(vectors, input_spec=spec)
    opened(drawn(named, np.eye(3)[:count], ["title"] * count))


def test_nothing_global_is_touched(digits):
    drawn(digits, digit_images(1), ["title"])
    assert "matplotlib.pyplot" not in sys.modules


def made(rows, shape, share=0.9):
    """Records, and a copy of each with that share of its values."""
    records = np.random.default_rng(0).random((rows, *shape), dtype=np.float32)
    return Reconstructions(records, records * share, (records * (1 - share)) ** 2)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (2, 9, 13), (3, 32, 20), (4, 8, 8), (1, 4, 90), (1,), (3,), (60,)]
)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("names", [("",), ("current", "candidate")])
def test_what_one_model_or_two_made_of_any_record_is_drawn(shape, rows, names):
    titles = [f"record {row}" for row in range(rows)]
    copies = {name: made(rows, shape, 0.9 - i / 10) for i, name in enumerate(names)}
    pixels = opened(montage.draw(spec_of(shape), copies, titles))
    assert min(pixels.shape[:2]) > 100
    assert np.ptp(pixels) > 200


def test_features_are_named():
    x = np.ones((1, 2), dtype=np.float32)
    one = {"": Reconstructions(x, x, x)}
    named = replace(spec_of((2,)), schema=Schema.numbers(("pressure", "flow")))
    assert montage.draw(named, one, [""]) != montage.draw(spec_of((2,)), one, [""])


def test_names_that_look_like_formulas_are_drawn_as_they_are():
    x = np.ones((1, 2), dtype=np.float32)
    named = replace(spec_of((2,)), schema=Schema.numbers(("$cost_{$", "flow")))
    assert montage.draw(named, {"": Reconstructions(x, x, x)}, ["$x_{$"])


def test_a_record_without_any_error_is_drawn():
    for shape in ((1, 8, 8), (3,), (2, 16)):
        perfect = made(1, shape, share=1.0)
        assert not perfect.element_error.any()
        opened(montage.draw(spec_of(shape), {"": perfect}, ["perfect"]))


def test_two_models_share_the_scale_of_a_record():
    def brightest_of_the_last_map(current):
        """Of the candidate's error, beside that of a current model."""
        both = {"current": current, "candidate": made(1, (1, 8, 8), 0.9)}
        pixels = opened(montage.draw(spec_of((1, 8, 8)), both, [""]))
        last = pixels[:, -pixels.shape[1] // 6 :].astype(int)
        return last[np.ptp(last, axis=2) > 40].sum(axis=1).max()

    alone = brightest_of_the_last_map(made(1, (1, 8, 8), 0.95))
    assert alone > 500
    assert brightest_of_the_last_map(made(1, (1, 8, 8), 0.8)) < 0.8 * alone


def test_two_models_are_named():
    def both(names):
        copies = dict.fromkeys(names, made(1, (1, 8, 8)))
        return montage.draw(spec_of((1, 8, 8)), copies, [""])

    assert both(("current", "candidate")) != both(("one", "other"))


def test_a_line_that_is_too_long_loses_its_middle():
    assert shortened("a" * 34) == "a" * 34
    cut = shortened("first\n" + "a" * 30 + "b" * 30)
    assert cut == "first\n" + "a" * 17 + "…" + "b" * 16
