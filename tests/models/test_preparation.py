"""What a GPU normalises is what InputSpec.prepare computes, bit for bit."""

import warnings

import numpy as np
import pytest

from models.device import resolve
from models.errors import ShapeError
from models.input_spec import InputSpec
from models.preparation import Preparation

DEVICE = resolve("auto")
"""The GPU where there is one; else the same steps run on the CPU."""
DTYPES = [
    "bool", "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", "<i4", "<u8", "<i8", ">i8",
    "<f2", "<f4", ">f4", "<f8", ">f8", "longdouble",
]  # fmt: skip
SHAPES = [(40, 7), (40, 9, 11), (40, 9, 11, 3), (40, 3, 11, 9)]


def records_of(dtype, shape):
    rng = np.random.default_rng(0)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        largest = 4 if dtype.itemsize == 2 else 30
        return (rng.normal(size=shape) * 10.0 ** rng.integers(-3, largest, shape)).astype(dtype)
    content = rng.integers(0, 2 if dtype.kind == "b" else 256, np.prod(shape) * dtype.itemsize)
    return np.frombuffer(content.astype(np.uint8).tobytes(), dtype).reshape(shape)


def spec_for(shape):
    return InputSpec.fit(np.random.default_rng(1).normal(3, 7, shape))


def as_a_gpu_does(spec, records):
    preparation = Preparation(spec, DEVICE)
    rows = spec.in_network_shape(records)
    sent = preparation.send(preparation.copy(rows))
    return preparation.normalise(sent, rows.dtype).cpu().numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gpu_sees_the_same_bits(dtype, shape):
    spec, records = spec_for(shape), records_of(dtype, shape)
    prepared = as_a_gpu_does(spec, records)
    assert prepared.dtype == np.float32
    assert prepared.tobytes() == np.ascontiguousarray(spec.prepare(records)).tobytes()


def test_extreme_values_are_clipped_alike_and_nothing_warns():
    spec = spec_for((9, 2))
    records = np.array([[np.nan, np.inf], [-np.inf, 1e308], [-1e308, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = as_a_gpu_does(spec, records)
    np.testing.assert_array_equal(prepared, spec.prepare(records))


@pytest.mark.parametrize("shape", [(), (3,), (3, 8), (3, 9, 12)])
def test_records_of_another_shape_are_refused(shape):
    preparation = Preparation(spec_for((40, 9, 11)), DEVICE)
    with pytest.raises(ShapeError):
        preparation.prepare(np.zeros(shape))
