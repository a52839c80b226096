"""What offset and scale bring the training records to the range that networks learn well in.

A few wild records, or one hot pixel, do not set the scale of all others: values far outside the
bulk count as if they were at its edge.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Scaling = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Offset and scale, one of each a feature or channel."""

FAR: Final = 10.0
"""Standard deviations of the bulk up to which a value counts as it is."""
ROUNDING: Final = 1e-12
"""A feature that varies by less, relative to its size, is constant."""
MOVED: Final = 1e-3
"""Of a constant's size: what a move of one unit is to the network."""
LEAST: Final = 1e-12
"""That unit for a constant of 0, whose own unit nobody knows."""
SURPRISING: Final = 1e-3
"""Share of the records held out that may move a constant, for such a move to be an anomaly."""
RARE: Final = 0.05
"""Least scale of a column of zeros and ones: what is never seen is 20 units away."""
_BULK: Final = (0.01, 0.99)
_BULK_DEVIATIONS: Final = 4.653
"""Standard deviations of a normal distribution between those quantiles."""
_PIXELS: Final = (0.0005, 0.9995)
_SAMPLED: Final = 1 << 22
"""Pixels that tell the quantiles."""


def standard(
    vectors: NDArray[Any],
    held_out: NDArray[Any] | None = None,
    binary: NDArray[np.bool_] | None = None,
) -> Scaling:
    """Mean and standard deviation of each feature of vectors (n, d); a constant's own unit.

    held_out: (m, d), records that may move what is constant in the vectors. binary: (d,), where
    there is nothing but 0 and 1.
    """
    values = vectors.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        clipped = np.clip(values, *_edges(values))
        mean, deviation = clipped.mean(axis=0), clipped.std(axis=0)
    constant = deviation <= ROUNDING * np.abs(values).max(axis=0)
    scale = np.where(constant, 1.0, deviation)
    if constant.any():
        scale[constant] = _of_constants(values, constant, deviation, held_out, vectors.dtype.kind)
    if binary is not None:
        scale[binary] = np.maximum(deviation[binary], RARE)
    return mean, scale


def clip_outliers(prepared: NDArray[np.float32]) -> NDArray[np.float32]:
    """Prepared records (n, *shape), cut off at FAR: a few wild values do not outweigh all others.

    A column of vectors that has only two values is kept, however rare one of them is.
    """
    made: NDArray[np.float32] = prepared.clip(-FAR, FAR)
    if prepared.ndim == 2 and len(prepared):
        low, high = prepared.min(axis=0), prepared.max(axis=0)
        two = ((prepared == low) | (prepared == high)).all(axis=0)
        made[:, two] = prepared[:, two]
    return made


def _edges(values: NDArray[np.float64]) -> Scaling:
    """Where the bulk of each feature ends: what lies beyond counts as this."""
    low, high = np.quantile(values, _BULK, axis=0)
    middle, spread = np.median(values, axis=0), (high - low) / _BULK_DEVIATIONS
    away = np.abs(values - middle)
    # Where nearly all values are one: the bulk is what the others are, if they are several.
    for feature in np.flatnonzero(spread == 0):
        others = away[:, feature][away[:, feature] > 0]
        spread[feature] = np.median(others) if others.size else 0.0
    return middle - FAR * spread, middle + FAR * spread


def _of_constants(
    values: NDArray[np.float64],
    constant: NDArray[np.bool_],
    deviation: NDArray[np.float64],
    held_out: NDArray[Any] | None,
    kind: str,
) -> NDArray[np.float64]:
    size = np.abs(values[0, constant])
    if held_out is not None and len(held_out):
        away = np.abs(held_out[:, constant].astype(np.float64) - values[0, constant])
        moved = (away > np.maximum(MOVED * size, LEAST)).any(axis=1).mean()
        if moved > SURPRISING:  # as the empty corners of pictures, or words that are rare
            varying = deviation[~constant]
            usual = float(np.median(varying)) if varying.size else 1.0
            return np.full(size.shape, usual)
    whole = kind in "bui"
    return np.where(size > 0, MOVED * size, 1.0 if whole else LEAST)


def pixel_range(images: NDArray[Any]) -> Scaling:
    """Of images (n, C, H, W): 0 and 255 for bytes, 0 and 1 for pixels that already fill most of
    [0, 1], otherwise (bytes that hold a few small numbers, too) the range of each channel, without
    a few pixels far outside.
    """
    channels = images.shape[1]
    if images.dtype == np.uint8 and images.max() >= 32:
        return np.zeros(channels), np.full(channels, 255.0)
    low, high = _without_hot_pixels(images)
    if low.min() >= 0 and 0.5 <= high.max() <= 1:
        return np.zeros(channels), np.ones(channels)
    with np.errstate(over="ignore", invalid="ignore"):
        span = high - low
    return low, np.where(span > 0, span, 1.0)


def _without_hot_pixels(images: NDArray[Any]) -> Scaling:
    low = images.min(axis=(0, 2, 3)).astype(np.float64)
    high = images.max(axis=(0, 2, 3)).astype(np.float64)
    for channel in range(images.shape[1]):
        pixels = images[:, channel].reshape(-1)
        pixels = pixels[:: max(1, pixels.size // _SAMPLED)].astype(np.float64)
        first, last = np.quantile(pixels, _PIXELS)
        with np.errstate(over="ignore", invalid="ignore"):
            span = last - first
        if not span > 0:
            continue
        if low[channel] < first - span:
            low[channel] = first
        if high[channel] > last + span:
            high[channel] = last
    return low, high


def usual_range(images: NDArray[Any]) -> Scaling:
    """Least and greatest value of each feature (n, d) or channel (n, C, H, W), without the most
    extreme thousandth; NaN is left out."""
    axes = (0, *range(2, images.ndim))
    step = max(1, images[:, 0].size // _SAMPLED)
    sampled = images[::step] if images.ndim == 2 else images[:: min(step, len(images))]
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.nanquantile(sampled.astype(np.float64), (0.001, 0.999), axis=axes)
    return low, high
