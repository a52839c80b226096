import numpy as np
import pytest

from models.scaling import FAR, LEAST, MOVED, clip_outliers, pixel_range, standard, usual_range

rng = np.random.default_rng(0)
NORMAL = rng.normal(size=(2000, 1))


def test_ordinary_features_have_mean_and_standard_deviation():
    vectors = rng.normal((3, -50), (2, 0.1), size=(5000, 2))
    offset, scale = standard(vectors)
    assert np.array_equal(offset, vectors.mean(axis=0))
    assert np.array_equal(scale, vectors.std(axis=0))


@pytest.mark.parametrize("wild", [1e3, -1e6, 1e12])
def test_a_wild_record_does_not_set_the_scale(wild):
    vectors = np.concatenate([NORMAL, [[wild]]])
    assert standard(vectors)[1][0] == pytest.approx(NORMAL.std(), rel=0.05)


def test_a_wild_count_does_not_set_the_scale_of_counts_that_are_mostly_zero():
    counts = (rng.random((5000, 1)) < 0.005).astype(float)
    calm, wild = standard(counts)[1], standard(np.concatenate([counts, [[1e6]]]))[1]
    assert wild[0] == pytest.approx(calm[0], rel=1.5)


@pytest.mark.parametrize("value", [1013.25, -4e-7, 1e12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_that_moves_is_far_away_whatever_its_unit(value, dtype):
    offset, scale = standard(np.full((100, 1), value, dtype=dtype))
    moved = abs(dtype(value * 1.02) - offset) / scale
    assert 15 < moved[0] < 25
    # What rounding changes is no move.
    assert abs(np.float32(value) - offset) / scale < 0.01


@pytest.mark.parametrize(("dtype", "unit"), [(np.float32, LEAST), (np.uint8, 1), (np.int64, 1)])
def test_a_constant_of_zero_has_the_least_unit(dtype, unit):
    assert standard(np.zeros((100, 1), dtype=dtype))[1] == unit


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_constants_that_move_in_normal_records_are_no_surprise(share):
    vectors = np.column_stack([NORMAL, np.ones(2000)])
    held_out = vectors[:500].copy()
    held_out[: int(500 * share), 1] = 2
    unit = standard(vectors, held_out)[1][1]
    assert unit == pytest.approx(NORMAL.std() if share else MOVED)


def test_hot_pixels_do_not_set_the_range():
    images = rng.integers(100, 4000, size=(20, 1, 32, 32)).astype(np.uint16)
    calm = pixel_range(images)
    images[0, 0, 0, 0] = 65535
    offset, scale = pixel_range(images)
    assert offset == calm[0]
    assert scale == pytest.approx(calm[1], rel=0.01)


def test_the_usual_range_leaves_out_the_most_extreme_and_what_is_missing():
    vectors = np.linspace(0, 1, 10_001)[:, None].repeat(2, axis=1)
    vectors[::2, 1] = np.nan
    low, high = usual_range(vectors)
    assert low == pytest.approx([0.001, 0.001], abs=2e-4)
    assert high == pytest.approx([0.999, 0.999], abs=2e-4)


def test_wild_values_are_cut_off_and_rare_ones_of_two_are_not():
    rng = np.random.default_rng(0)
    prepared = rng.normal(size=(2000, 3)).astype(np.float32)
    prepared[5, 0] = 1e6
    prepared[:, 2] = np.where(np.arange(2000) < 3, 26.0, -0.04)
    made = clip_outliers(prepared)
    assert made[5, 0] == FAR
    assert np.array_equal(made[:, 1], prepared[:, 1])
    assert np.array_equal(made[:, 2], prepared[:, 2])
    assert np.array_equal(clip_outliers(prepared[:, None]), prepared[:, None].clip(-FAR, FAR))
    assert clip_outliers(prepared[:0]).shape == (0, 3)
