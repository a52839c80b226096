"""Patches: a small fault of a large picture is found, and its place is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from models.architectures import build
from models.local_patches import Coarse, Fine, LocalPatches
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import pebbles, spec_of
from tests.models.scoring import auc, errors_of

PATCHES = TrainingSettings(architecture="patches", device="cpu", contamination=0.0)
SIDE = 48
FAULT = slice(20, 28), slice(30, 38)


def cloth(count, seed=0, side=SIDE, channels=0):
    """Pictures of a woven cloth, uint8, each from another place of it and with noise of its own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    phase = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
    weave = np.sin(1.1 * y + phase[0]) + np.sin(0.9 * x + phase[1])
    pictures = 120 + 35 * weave + rng.normal(0, 5, weave.shape)
    if channels:
        tint = rng.normal(0, 5, (count, 1, 1, channels)) + np.linspace(-20, 20, channels)
        pictures = pictures[..., None] + tint
    return np.clip(pictures, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return train(cloth(400), tmp_path_factory.mktemp("bundles") / "patches", PATCHES)


def changed(pictures, change):
    """Pictures whose part FAULT is changed. change: from the part, float, and the whole picture."""
    made = pictures.astype(float)
    for picture in made:
        picture[FAULT] = change(picture[FAULT], picture)
    return np.clip(made, 0, 255).astype(np.uint8)


FAULTS = {
    "a spot": lambda part, whole: 0.5 * part,
    "a scratch": lambda part, whole: np.where(np.eye(8, dtype=bool), 250, part),
    "a hole": lambda part, whole: np.full_like(part, whole.mean()),
    "worn": lambda part, whole: gaussian_filter(whole, 2)[FAULT],
    "turned": lambda part, whole: whole.T[FAULT],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_small_fault_is_found_and_its_place_is_named(made, fault):
    odd = changed(cloth(60, seed=2), fault)
    assert auc(made, cloth(200, seed=1), odd) > 0.95
    x = torch.from_numpy(made.input_spec.prepare(odd))
    rows, columns = np.divmod(made.model.element_errors(x).flatten(1).argmax(1).numpy(), SIDE)
    near = (rows >= 17) & (rows < 31) & (columns >= 27) & (columns < 41)
    assert near.mean() > 0.9


def test_an_error_of_whole_pictures_does_not_see_what_it_is_for(tmp_path):
    own, whole = (
        train(pebbles(400), tmp_path / name, replace(PATCHES, architecture=name))
        for name in ("patches", "edges")
    )
    normal, odd = pebbles(200, seed=1), changed(pebbles(60, seed=2), FAULTS["a scratch"])
    assert auc(whole, normal, odd) < 0.8
    assert auc(own, normal, odd) > 0.95


def test_a_fault_in_one_colour_alone_is_found(tmp_path):
    made = train(cloth(300, channels=3), tmp_path / "bundle", PATCHES)
    odd = cloth(60, seed=2, channels=3)
    odd[:, FAULT[0], FAULT[1], 1] //= 2
    assert auc(made, cloth(200, seed=1, channels=3), odd) > 0.95


def test_the_map_is_of_the_error(made):
    x = torch.from_numpy(made.input_spec.prepare(cloth(20, seed=3)))
    elements = made.model.element_errors(x)
    assert elements.shape == x.shape
    assert (elements >= 0).all()
    torch.testing.assert_close(
        elements.mean(dim=(1, 2, 3)), made.model.errors(x), rtol=1e-4, atol=1e-5
    )


def test_of_a_normal_picture_the_map_shows_its_strangest_part_and_not_nothing(made):
    x = torch.from_numpy(made.input_spec.prepare(cloth(100, seed=4)))
    elements = made.model.element_errors(x).flatten(1)
    assert ((elements.amax(1) / elements.median(1).values) > 1.5).all()


def test_pictures_that_should_not_be_there_are_left_out(tmp_path):
    odd = changed(cloth(12, seed=3), FAULTS["a spot"])
    settings = replace(PATCHES, contamination=None)
    made = train(np.concatenate([cloth(588), odd]), tmp_path / "bundle", settings)
    left_out = made.metadata["left_out"]
    learned = made.metadata["split"]["training"] + made.metadata["split"]["validation"]
    assert left_out["count"] == int(0.02 * learned)
    assert sum(row >= 588 for row in left_out["rows"]) > left_out["count"] / 2


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (33, 17), (64, 65), (130, 131)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_pixel_is_in_some_place(size, channels):
    """A last row that no patch reaches would be one that nobody watches."""
    spot = torch.zeros(1, channels, *size)
    spot[..., -1, -1] = 1
    for each in LocalPatches(channels, *size).maps:
        shown = each.spread_out(torch.rand(1, *each.places))
        assert shown.shape == (1, *size)
        assert torch.isfinite(shown).all()
        if not any(n % each.scale for n in size):  # a smaller copy may leave out the last rows
            assert (each(spot) - each(spot * 0)).abs().max() > 0


def test_a_place_is_spread_over_the_pixels_that_it_was_made_of():
    for each in (Coarse(1, 20, 20, 1, 6, 2), Fine(1, 20, 20, 1, 1)):
        places = torch.zeros(1, *each.places)
        places[0, 3, 4] = 1
        rows, columns = each.spread_out(places)[0].nonzero().T
        assert (rows.min(), rows.max()) == (6, 6 + each.side - 1)
        assert (columns.min(), columns.max()) == (8, 8 + each.side - 1)
        changed = torch.zeros(1, 1, 20, 20)
        changed[..., 6 : 6 + each.side, 8 : 8 + each.side] = 1
        moved = (each(changed) != each(changed * 0))[0]
        assert moved[3, 4]
        assert not moved[7:].any()


@pytest.mark.parametrize("scale", [2, 4])
def test_a_place_of_a_smaller_copy_is_spread_over_the_pixels_of_the_picture(scale):
    each = Coarse(1, 90, 83, scale, 6, 2)
    places = torch.zeros(1, *each.places)
    places[0, 3, 4] = 1
    rows, columns = each.spread_out(places)[0].nonzero().T
    for found, first in ((rows, 6), (columns, 8)):
        assert abs(found.min() - first * scale) <= scale
        assert abs(found.max() + 1 - (first + 6) * scale) <= scale


def test_what_never_varies_is_no_reason_to_be_strange(tmp_path):
    pictures = np.zeros((120, 16, 16), np.uint8)
    pictures[:, 4:8, 4:8] = np.random.default_rng(0).integers(0, 200, (120, 4, 4))
    made = train(pictures, tmp_path / "bundle", PATCHES)
    assert np.isfinite(errors_of(made, pictures)).all()
    assert np.isfinite(errors_of(made, np.full((2, 16, 16), 255, np.uint8))).all()


@pytest.mark.parametrize("shape", [(5,), (3, 40), (1, 7, 30)])
def test_records_that_are_no_pictures_of_that_size_are_refused(shape):
    with pytest.raises(ValueError, match="patches needs images of at least 8 x 8"):
        build("patches", spec_of(shape), {})
