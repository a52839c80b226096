"""Normalisation in float32 keeps the digits that float64 would keep."""

import warnings

import numpy as np
import pytest

from models.input_spec import InputSpec
from models.normalisation import NORMALISED_LIMIT, Arithmetic

rng = np.random.default_rng(0)


def spec_of(offset, scale):
    return InputSpec((len(offset),), "vector", "float32", tuple(offset), tuple(scale))


def exact(spec, records):
    """In extended precision."""
    wide = np.longdouble
    return (records.astype(wide) - np.array(spec.offset, wide)) / np.array(spec.scale, wide)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int16, np.int64])
@pytest.mark.parametrize(("offset", "scale"), [(0.1, 3.0), (1e5, 1e-3), (-4e7 / 3, 1 / 7)])
def test_no_digit_is_lost_on_a_large_offset(offset, scale, dtype):
    spec = spec_of([offset] * 8, [scale] * 8)
    records = offset + scale * rng.normal(size=(500, 8))
    if np.dtype(dtype).itemsize == 2:
        records = records.clip(-32000, 32000)
    records = records.astype(dtype)
    wanted = exact(spec, records).clip(-NORMALISED_LIMIT, NORMALISED_LIMIT)
    off = np.abs(spec.prepare(records) - wanted)
    # What float32 itself rounds: relative to the value, or to an offset of a few scales.
    assert (off <= 2**-22 * np.maximum(np.abs(wanted), 1)).all()


def test_plain_float32_would_lose_them():
    records = (1e5 + 1e-3 * rng.normal(size=(500, 1))).astype(np.float64)
    spec = spec_of([1e5], [1e-3])
    plain = (records.astype(np.float32) - np.float32(1e5)) / np.float32(1e-3)
    assert np.abs(plain - exact(spec, records)).max() > 1
    assert np.abs(spec.prepare(records) - exact(spec, records)).max() < 1e-6


@pytest.mark.parametrize(
    ("offset", "scale", "dtype", "single"),
    [
        (0.0, 255.0, "uint8", True),
        (1e5, 1e-3, "float32", True),
        (1e5, 1e-3, "float64", False),
        (1.0, 1.0, "float64", True),
        (1.0, 1.0, "int64", True),
        (1.0, 1.0, "uint64", False),
        (0.0, 1e-35, "float32", False),
        (0.0, 1e35, "float32", False),
        (1e35, 1e29, "float32", False),
    ],
)
def test_float32_computes_where_it_is_exact_enough(offset, scale, dtype, single):
    assert Arithmetic([offset], [scale]).in_float32(np.dtype(dtype)) is single


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16])
@pytest.mark.parametrize("scale", [1e-8, 1.0])
def test_what_may_lie_beyond_the_limit_is_clipped(dtype, scale):
    spec = spec_of([0.0, 0.0], [scale, scale])
    largest = np.finfo(dtype).max if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = spec.prepare(np.array([[largest, 0]], dtype=dtype))
    wanted = min(NORMALISED_LIMIT, float(largest) * (1 / scale))
    assert prepared[0, 0] == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(3, 9, 11), (1, 9, 11), (40,)])
@pytest.mark.parametrize("last", [False, True])
def test_each_channel_has_its_own_offset_in_any_order_of_memory(shape, last):
    channels = shape[0]
    layout = "vector" if len(shape) == 1 else "CHW"
    offset, scale = rng.normal(size=channels), rng.uniform(0.5, 2, channels)
    spec = InputSpec(shape, layout, "float64", tuple(offset.tolist()), tuple(scale.tolist()))
    records = rng.normal(size=(5, *shape))
    out = np.empty((5, np.prod(shape)), dtype=np.float32)
    spec.normalisation(channels_last=last).into(out, records)
    wide = (channels, *(1,) * (len(shape) - 1))
    wanted = (records - offset.reshape(wide)) / scale.reshape(wide)
    if last and layout == "CHW":
        wanted = np.moveaxis(wanted, 1, -1)
    np.testing.assert_allclose(out, wanted.reshape(5, -1), atol=1e-6)


def test_records_are_left_as_they_were():
    spec = spec_of([1.0, 2.0], [3.0, 4.0])
    records = rng.normal(size=(7, 2)).astype(np.float32)
    before = records.copy()
    records.flags.writeable = False
    spec.prepare(records)
    np.testing.assert_array_equal(records, before)
