import pytest
import torch

from models.augmentation import augment

IMAGES = torch.rand(64, 3, 12, 20, generator=torch.Generator().manual_seed(1))


def changed(kinds, images=IMAGES, seed=0):
    return augment(images, kinds, torch.Generator().manual_seed(seed))


def test_no_augmentation_changes_nothing():
    assert torch.equal(changed(()), IMAGES)


@pytest.mark.parametrize("kinds", [["flip"], ["shift"], ["rotate"], ["flip", "shift", "rotate"]])
def test_images_keep_shape_and_range_and_the_seed_repeats_them(kinds):
    result = changed(kinds)
    assert result.shape == IMAGES.shape
    assert 0 <= result.min() <= result.max() <= 1 + 1e-6
    assert torch.equal(result, changed(kinds))
    assert not torch.equal(result, changed(kinds, seed=1))


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    result = changed(["flip"])
    same = (result == IMAGES).flatten(1).all(1)
    mirrored = (result == IMAGES.flip(-1)).flatten(1).all(1)
    assert torch.all(same ^ mirrored)
    assert 16 <= same.sum() <= 48


def centre(images):
    """Centre of mass of each image, in pixels: (n, 2), row and column."""
    mass = images.sum(dim=(1, 2, 3))
    rows = (images.sum(dim=(1, 3)) * torch.arange(images.shape[2])).sum(1) / mass
    columns = (images.sum(dim=(1, 2)) * torch.arange(images.shape[3])).sum(1) / mass
    return torch.stack([rows, columns], 1)


def test_shift_moves_by_at_most_a_tenth_of_each_side():
    spot = torch.zeros(200, 1, 40, 60)
    spot[:, :, 18:22, 28:32] = 1
    moved = centre(changed(["shift"], spot)) - centre(spot)
    assert moved.abs().amax(0)[0] == pytest.approx(4, abs=0.3)
    assert moved.abs().amax(0)[1] == pytest.approx(6, abs=0.4)


def test_rotate_turns_by_at_most_ten_degrees_and_keeps_lengths_on_wide_images():
    spot = torch.zeros(200, 1, 41, 81)
    spot[:, :, 19:22, 59:62] = 1
    offset = centre(changed(["rotate"], spot)) - torch.tensor([20.0, 40.0])
    degrees = torch.rad2deg(torch.atan2(offset[:, 0], offset[:, 1]))
    assert degrees.abs().max() == pytest.approx(10, abs=0.5)
    assert torch.allclose(offset.norm(dim=1), torch.tensor(20.0), atol=0.2)
