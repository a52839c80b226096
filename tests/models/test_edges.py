"""Edges: what is of another kind is found, and what unit length hides is not invisible."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from models import bundle
from models.architectures import build
from models.bundle_files import manifest
from models.engines import engine_for
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import digits, rings, spec_of
from tests.models.scoring import auc, errors_of

EDGES = TrainingSettings(architecture="edges", device="cpu")


def of_digit(digit):
    found = load_digits()
    return found.images[found.target == digit], found.images[found.target != digit]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return train(rings(600), tmp_path_factory.mktemp("bundles") / "edges", EDGES)


@pytest.mark.parametrize("digit", [0, 3, 8])
def test_another_digit_is_found(tmp_path, digit):
    own, others = of_digit(digit)
    made = train(own[:120], tmp_path / "bundle", replace(EDGES, contamination=0.0))
    assert auc(made, own[120:], others) > 0.95


CHANGES = {
    "half the contrast": lambda pictures: pictures // 2,
    "brighter": lambda pictures: np.clip(pictures.astype(int) + 40, 0, 255).astype(np.uint8),
    "noise": lambda pictures: np.clip(
        pictures + np.random.default_rng(1).normal(0, 15, pictures.shape), 0, 255
    ).astype(np.uint8),
    "blur": lambda pictures: gaussian_filter(pictures, (0, 1.2, 1.2)),
    "upside": lambda pictures: 255 - pictures,
    "shifted": lambda pictures: np.roll(pictures, 6, axis=2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_camera_is_not_invisible(made, change):
    normal = rings(200, seed=1)
    assert auc(made, normal, change(normal)) > 0.9


def test_a_bundle_of_before_there_was_a_memory_is_read_as_it_was(tmp_path):
    settings = replace(EDGES, architecture_settings={"memory": 0})
    made = train(digits(150), tmp_path / "bundle", settings)
    document = json.loads((made.path / "bundle.json").read_text())
    del document["architecture_settings"]["memory"]
    kept = {key: value for key, value in document.items() if key not in ("version", "sha256")}
    contents = {name: (made.path / name).read_bytes() for name in document["sha256"]}
    (made.path / "bundle.json").write_bytes(manifest(kept, contents))
    assert np.array_equal(
        errors_of(bundle.load(made.path), digits(20)), errors_of(made, digits(20))
    )


def test_of_fewer_pictures_than_memory_all_are_remembered_and_none_sees_itself(tmp_path):
    made = train(digits(100), tmp_path / "bundle", replace(EDGES, contamination=0.0))
    assert made.model.settings["memory"] == 80
    assert len(made.model.memory.remembered) == 80
    calm = np.median(errors_of(made, digits(100)[:80]))
    assert calm < np.median(errors_of(made, digits(200)[100:])) + 1


def test_the_map_points_at_the_place_that_is_wrong(made):
    pictures = rings(50, seed=2)
    pictures[:, 2:7, 2:7] = 255
    x = torch.from_numpy(made.input_spec.prepare(pictures))
    elements = made.model.element_errors(x)
    torch.testing.assert_close(
        elements.mean(dim=(1, 2, 3)), made.model.errors(x), rtol=1e-4, atol=1e-5
    )
    brightest = elements.flatten(1).argmax(1)
    rows, columns = brightest // 28, brightest % 28
    assert ((rows < 9) & (columns < 9)).float().mean() > 0.9


def test_odd_pictures_among_the_training_are_left_out(tmp_path):
    odd = np.rot90(np.tril(np.full((28, 28), 200, np.uint8)))[None] + rings(12, seed=3) // 8
    made = train(np.concatenate([rings(588), odd]), tmp_path / "bundle", EDGES)
    learned = made.metadata["split"]["training"] + made.metadata["split"]["validation"]
    left_out = made.metadata["left_out"]
    assert left_out["count"] == int(0.02 * learned)
    assert sum(row >= 588 for row in left_out["rows"]) > left_out["count"] / 2


def test_the_reconstruction_is_a_picture_like_those_learned_from(made):
    pictures = rings(100, seed=4)
    x = torch.from_numpy(made.input_spec.prepare(pictures))
    with torch.no_grad():
        left = (made.model(x) - x).square().mean()
    assert left < 0.5 * x.var(dim=0).mean()


def test_a_bundle_scores_as_before_it_was_saved_in_batches_of_any_size(made):
    loaded = bundle.load(made.path)
    pictures = rings(60, seed=5)
    expected = errors_of(made, pictures)
    assert np.array_equal(errors_of(loaded, pictures), expected)
    alone = engine_for(loaded.model, loaded.input_spec, loaded.error_metric, micro_batch=1)
    np.testing.assert_allclose(alone.errors(pictures), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("picture", [np.zeros((8, 8)), np.full((8, 8), 16.0)])
def test_an_empty_picture_is_no_trouble(tmp_path, picture):
    made = train(digits(100), tmp_path / "bundle", EDGES)
    assert np.isfinite(errors_of(made, np.stack([picture, picture]))).all()


@pytest.mark.parametrize("shape", [(4,), (2, 16), (1, 7, 28)])
def test_vectors_series_and_tiny_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"at least 8 x 8 pixels.*use ladder"):
        build("edges", spec_of(shape), {})


def test_a_ribbon_is_refused():
    with pytest.raises(ValueError, match="as long as wide"):
        build("edges", spec_of((1, 8, 4096)), {})
