"""Pictures are changed as the words say, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from tests.monitor.pipeline.changes.words import COLOURED, GREY, changed

RNG = np.random.default_rng(1)
BYTES = RNG.integers(0, 256, (3, 6, 8), dtype=np.uint8)
FLOATS = RNG.random((3, 3, 6, 8), dtype=np.float32)


def test_bytes_get_brighter_up_to_white_and_darker_down_to_black() -> None:
    brighter = changed("brightness + 20%", GREY, BYTES)
    assert brighter.dtype == np.uint8
    np.testing.assert_array_equal(brighter, np.minimum(BYTES.astype(int) + 51, 255))
    np.testing.assert_array_equal(
        changed("brightness - 20%", GREY, BYTES), np.maximum(BYTES.astype(int) - 51, 0)
    )


def test_brightness_is_a_share_of_the_range_of_each_channel() -> None:
    added = changed("brightness + 10%", COLOURED, FLOATS) - FLOATS
    np.testing.assert_allclose(added.mean(axis=(0, 2, 3)), [0.1, 0.1, 0.2], rtol=1e-4)


def test_contrast_keeps_the_mean_of_each_picture() -> None:
    after = changed("contrast * 0.5", COLOURED, FLOATS)
    np.testing.assert_allclose(after.mean(axis=(2, 3)), FLOATS.mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(after.std(axis=(2, 3)), 0.5 * FLOATS.std(axis=(2, 3)), rtol=1e-4)


def test_blur_smears_a_point_evenly_and_leaves_an_even_picture() -> None:
    point = np.zeros((1, 3, 6, 8), dtype=np.float32)
    point[0, :, 3, 4] = 1
    after = changed("blur 0.5", COLOURED, point)
    assert after[0, 0].sum() == pytest.approx(1, rel=1e-5)
    # Weights of a Gaussian of sigma 0.5, at 0 and 1 pixel: 1 and exp(-2).
    assert after[0, 0, 3, 5] / after[0, 0, 3, 4] == pytest.approx(np.exp(-2), rel=1e-5)
    assert after[0, 0, 2, 4] == pytest.approx(after[0, 0, 3, 3], rel=1e-5)
    even = np.full((1, 6, 8), 200, dtype=np.uint8)
    np.testing.assert_array_equal(changed("blur 2", GREY, even), even)


def test_a_shift_goes_right_and_down_and_repeats_the_border() -> None:
    after = changed("shift 2 -1", GREY, BYTES)
    np.testing.assert_array_equal(after[:, :-1, 2:], BYTES[:, 1:, :-2])
    np.testing.assert_array_equal(after[:, :-1, 0], BYTES[:, 1:, 0])


def test_a_dead_patch_is_black_at_one_place_of_all_pictures() -> None:
    white = np.full((3, 6, 8), 255, dtype=np.uint8)
    after = changed("dead patch 3x2", GREY, white)
    dead = after[0] == 0
    assert dead.sum() == 6
    assert (dead.any(axis=0).sum(), dead.any(axis=1).sum()) == (3, 2)
    assert (after == after[0]).all()
