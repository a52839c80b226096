"""Rows like those that a model takes, made of its input spec: a bundle holds no records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec

ROWS: Final = 8
_SEED: Final = 0


def rows_of(spec: InputSpec, count: int = ROWS) -> NDArray[Any]:
    """Rows (count, *record_shape) within the range of the training data, of the spec's dtype.

    For bool they are uint8, 0 or 1: payloads carry numbers.
    """
    if not spec.schema.plain:
        return _of_features(spec, count)
    low = 0.0 if spec.is_image else -1.0
    x = np.random.default_rng(_SEED).uniform(low, 1.0, (count, *spec.shape))
    x[0] = (low + 1.0) / 2
    values = _as_arrived(spec.restore(x.astype(np.float32)), spec)
    dtype = np.dtype(spec.dtype)
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        values = np.rint(values).clip(float(bounds.min), float(bounds.max) * (1 - 1e-7))
    if dtype.kind == "b":
        values, dtype = values > np.median(values), np.dtype(np.uint8)
    return np.asarray(values, dtype=dtype)


def _of_features(spec: InputSpec, count: int) -> NDArray[Any]:
    """Rows (count, d) of values that features may have; the second lacks what may be missing."""
    rng, features = np.random.default_rng(_SEED), spec.schema.features
    ranges = spec.ranges if len(spec.ranges) == len(features) else ((0.0, 1.0),) * len(features)
    rows = np.empty((count, len(features)), dtype=spec.dtype)
    for column, (feature, (low, high)) in enumerate(zip(features, ranges, strict=True)):
        if feature.kind == "number":
            rows[:, column] = rng.uniform(low, high, count)
        else:
            rows[:, column] = rng.integers(0, max(2, len(feature.categories) + 1), count)
    rows[1, spec.schema.may_be_missing] = np.nan
    return rows


def _as_arrived(values: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Values (n, *shape) in the layout in which records arrive."""
    if spec.layout in ("HWC", "series"):
        values = np.moveaxis(values, 1, -1)
    return values.reshape(len(values), *spec.record_shape)
