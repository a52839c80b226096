"""Changes of pictures: what happens to a camera.

Of whole numbers the results are rounded and kept in the range of their type, as a camera does;
floats are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.pipeline.changes.change import Begin, Records, Step, stateless

_REACH: Final = 3.0
"""Standard deviations of a Gaussian that a blur takes in."""

Values = NDArray[np.float64]


def brighter(spec: InputSpec, share: float) -> Begin:
    """Every pixel brighter by a share of the range from black to white, or darker."""
    white = _of_channels(spec, spec.scale)
    return stateless(_pixels(lambda values: values + share * white))


def contrasted(spec: InputSpec, factor: float) -> Begin:
    """Pixels so many times as far from the mean of their picture and channel."""
    axes = rows_and_columns(spec)

    def change(values: Values) -> Values:
        mean = values.mean(axis=axes, keepdims=True)
        return np.asarray(mean + factor * (values - mean))

    return stateless(_pixels(change))


def blurred(spec: InputSpec, sigma: float) -> Begin:
    """Out of focus: a Gaussian of this standard deviation, in pixels; the border is repeated."""
    reach = math.ceil(_REACH * sigma)
    away = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (away / sigma) ** 2)
    weights /= weights.sum()

    def change(values: Values) -> Values:
        for axis in rows_and_columns(spec):
            blurry = np.zeros_like(values)
            for weight, by in zip(weights, away, strict=True):
                blurry += weight * _moved(values, axis, int(by))
            values = blurry
        return values

    return stateless(_pixels(change))


def moved(spec: InputSpec, right: int, down: int) -> Begin:
    """Moved by so many pixels, to the left and up if below 0; the border is repeated."""
    rows, columns = rows_and_columns(spec)
    return stateless(lambda records: _moved(_moved(records, rows, down), columns, right))


def patched(spec: InputSpec, width: int, height: int) -> Begin:
    """A black rectangle, at one place that is drawn for each stream."""
    black, axes = _of_channels(spec, spec.offset), rows_and_columns(spec)

    def begin(last: Records, rng: np.random.Generator) -> Step:
        dead = [slice(None)] * (last.ndim + 1)
        for axis, size in zip(axes, (height, width), strict=True):
            first = int(rng.integers(last.shape[axis - 1] - size + 1))
            dead[axis] = slice(first, first + size)
        place = tuple(dead)

        def change(values: Values) -> Values:
            values[place] = np.broadcast_to(black, values[place].shape)
            return values

        return _pixels(change)

    return begin


def rows_and_columns(spec: InputSpec) -> tuple[int, int]:
    """The axes of records (n, *record_shape) that are rows and columns of pixels."""
    return (2, 3) if spec.layout == "CHW" else (1, 2)


def _of_channels(spec: InputSpec, each: tuple[float, ...]) -> Values:
    """A value for each channel, to compute with records."""
    return np.reshape(each, (-1, 1, 1) if spec.layout == "CHW" else (-1,))


def _moved(values: NDArray[Any], axis: int, by: int) -> NDArray[Any]:
    length = values.shape[axis]
    return values.take((np.arange(length) - by).clip(0, length - 1), axis=axis)


def _pixels(change: Callable[[Values], Values]) -> Step:
    def step(records: Records) -> Records:
        values, kind = change(records.astype(np.float64)), records.dtype.kind
        if kind == "b":
            return values >= 0.5
        if kind in "iu":
            bounds = np.iinfo(records.dtype)
            values = values.round().clip(float(bounds.min), float(bounds.max))
        return values.astype(records.dtype)

    return step
