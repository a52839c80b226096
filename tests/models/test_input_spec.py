import json

import numpy as np
import pytest

from models.autoencoder import InputSpec
from models.errors import ShapeError
from models.schema import Schema

rng = np.random.default_rng(0)
LAYOUTS = {
    "vector": ((20, 5), (5,), "vector"),
    "grey": ((20, 9, 11), (1, 9, 11), "HW"),
    "channels last": ((20, 8, 10, 3), (3, 8, 10), "HWC"),
    "channels first": ((20, 3, 8, 10), (3, 8, 10), "CHW"),
    "one channel last": ((20, 8, 10, 1), (1, 8, 10), "HWC"),
    "alpha": ((20, 8, 10, 4), (4, 8, 10), "HWC"),
}


@pytest.mark.parametrize(("shape", "network_shape", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_is_guessed_and_records_are_brought_to_network_shape(
    shape, network_shape, layout
):
    records = rng.normal(5, 3, size=shape)
    spec = InputSpec.fit(records)
    assert (spec.shape, spec.layout, spec.record_shape) == (network_shape, layout, shape[1:])
    prepared = spec.prepare(records)
    assert prepared.shape == (20, *network_shape)
    assert prepared.dtype == np.float32


@pytest.mark.parametrize(("shape", "network_shape", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_records_are_also_taken_in_network_shape(shape, network_shape, layout):
    records = rng.normal(size=shape)
    spec = InputSpec.fit(records)
    as_network = np.moveaxis(records, 3, 1) if layout == "HWC" else records
    as_network = as_network.reshape(20, *network_shape)
    assert np.array_equal(spec.prepare(as_network), spec.prepare(records))


@pytest.mark.parametrize(("shape", "network_shape", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_restore_undoes_the_normalisation(shape, network_shape, layout):
    records = rng.normal(50, 30, size=shape)
    spec = InputSpec.fit(records)
    expected = InputSpec(
        network_shape, spec.layout, "float64", (0.0,) * network_shape[0], (1.0,) * network_shape[0]
    ).prepare(records)
    assert np.allclose(spec.restore(spec.prepare(records)), expected, atol=1e-3)


def test_vectors_are_standardised_per_feature_and_constants_are_kept_finite():
    records = np.column_stack([rng.normal(1e6, 3, 500), np.full(500, 0.1), rng.normal(size=500)])
    spec = InputSpec.fit(records, schema=Schema.numbers("abc"))
    prepared = spec.prepare(records)
    assert np.allclose(prepared.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(prepared.std(axis=0), [1, 0, 1], atol=1e-4)
    assert spec.scale[1] == pytest.approx(1e-4)
    assert spec.features == ("a", "b", "c")


def test_bytes_are_divided_by_255():
    images = rng.integers(0, 256, size=(10, 8, 8, 3), dtype=np.uint8)
    assert np.allclose(InputSpec.fit(images).prepare(images), np.moveaxis(images, 3, 1) / 255)


@pytest.mark.parametrize(
    ("images", "offset", "scale"),
    [
        (np.linspace(0, 1, 640).reshape(10, 8, 8), 0, 1),
        (np.linspace(0, 16, 640).reshape(10, 8, 8), 0, 16),
        (np.linspace(-1, 1, 640).reshape(10, 8, 8), -1, 2),
        (np.linspace(100, 4000, 640).reshape(10, 8, 8).astype(np.uint16), 100, 3900),
        ((np.arange(640).reshape(10, 8, 8) % 17).astype(np.uint8), 0, 16),
        (np.zeros((10, 8, 8)), 0, 1),
        (np.arange(640).reshape(10, 8, 8) % 2 == 0, 0, 1),
    ],
)
def test_pixels_are_brought_to_the_unit_range(images, offset, scale):
    spec = InputSpec.fit(images)
    assert (spec.offset, spec.scale) == ((offset,), (scale,))
    assert 0 <= spec.prepare(images).min() <= spec.prepare(images).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64", "bool"])
def test_serving_in_another_dtype_gives_the_same_values(dtype):
    images = rng.integers(0, 2, size=(10, 8, 8)).astype(dtype)
    spec = InputSpec.fit(rng.integers(0, 256, size=(10, 8, 8), dtype=np.uint8))
    assert np.array_equal(spec.prepare(images), spec.prepare(images.astype(np.float64)))


def test_huge_values_are_clipped_so_that_errors_stay_finite():
    spec = InputSpec.fit(rng.normal(size=(50, 2)))
    assert spec.prepare(np.array([[1e300, -1e300]])).tolist() == [[1e9, -1e9]]


def test_blocks_do_not_show(monkeypatch):
    records = rng.normal(size=(50, 7))
    spec = InputSpec.fit(records)
    whole = spec.prepare(records)
    monkeypatch.setattr("models.normalisation.BLOCK", 20)
    assert np.array_equal(spec.prepare(records), whole)


@pytest.mark.parametrize(
    "records",
    [
        np.zeros(5),
        np.zeros((5, 2, 8, 8)),
        np.zeros((1, 2, 3, 4, 5)),
        np.zeros((0, 4)),
        np.zeros((4, 0)),
        np.zeros((5, 3), dtype=complex),
        np.array([["a", "b"]]),
        np.array([[1e308, -1e308], [-1e308, 1e308]]),
        np.array([[np.nan, 1.0], [0.0, 1.0]]),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_that_cannot_be_records_are_refused(records):
    with pytest.raises(ShapeError):
        InputSpec.fit(records)


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 9), (3, 9, 8, 1), (2, 64), ()])
def test_records_of_another_shape_are_refused(shape):
    spec = InputSpec.fit(rng.normal(size=(20, 8, 8)))
    with pytest.raises(ShapeError, match=r"must have shape \(8, 8\), got"):
        spec.prepare(np.zeros(shape))


def test_feature_names_must_match_the_columns():
    with pytest.raises(ShapeError, match="3 features, but 2 names"):
        InputSpec.fit(rng.normal(size=(20, 3)), schema=Schema.numbers("ab"))


@pytest.mark.parametrize(("shape", "network_shape", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_json_brings_back_the_same_spec(shape, network_shape, layout):
    spec = InputSpec.fit(rng.normal(size=shape))
    assert InputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**5, 10**5, 10**5]},
        {"shape": [1, 10**9, 10**9]},
        {"shape": [5, 8, 8], "offset": [0.0] * 5, "scale": [1.0] * 5},
        {"shape": [1, 8, -8]},
        {"shape": [1, 8, 8.0]},
        {"shape": [64]},
        {"layout": "WH"},
        {"layout": "vector"},
        {"layout": "HW", "shape": [3, 8, 8], "offset": [0.0] * 3, "scale": [1.0] * 3},
        {"dtype": "object"},
        {"offset": []},
        {"offset": ["0"]},
        {"scale": [0.0]},
        {"scale": [-1.0]},
        {"scale": [float("inf")]},
        {"features": ["a", "b"]},
        {"features": [1]},
        {"extra": 1},
    ],
    ids=str,
)
def test_crafted_json_is_refused(change):
    document = json.loads(json.dumps(InputSpec.fit(rng.normal(size=(20, 8, 8))).to_json()))
    with pytest.raises(ValueError, match=r"."):
        InputSpec.from_json({**document, **change})
