"""What goes wrong with real records: a camera's faults, a sensor's faults, a new class.

Every function takes normal records and returns changed copies by name, in the same order and the
same units. A generator makes them repeatable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Records = NDArray[Any]

SQUARE = 8
"""Side of the black square of an occlusion, pixels."""
SHARES = (0.05, 0.2, 1.0)
"""Shares of a new class in the stream."""


def of_images(images: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, Records]:
    """Faults of a camera. images: (n, H, W) uint8; each result is the same.

    blur: Gaussian, sigma 1 pixel. rotation: degrees, black comes in at the corners. contrast:
    towards the image's own mean; dim: towards black. noise: Gaussian, its standard deviation.
    occlusion: a black square at a random place. stuck: the first image again and again, exactly
    or with noise of standard deviation 2.
    """
    values = images.astype(np.float32)
    mean = values.mean(axis=(1, 2), keepdims=True)  # (n, 1, 1)
    first = np.broadcast_to(values[0], values.shape)
    return {
        "blur": _pixels(ndimage.gaussian_filter(values, (0, 1, 1))),
        "rotation 10": _pixels(_rotated(values, 10)),
        "rotation 25": _pixels(_rotated(values, 25)),
        "contrast x0.6": _pixels(mean + 0.6 * (values - mean)),
        "dim x0.6": _pixels(0.6 * values),
        "noise 25": _pixels(values + rng.normal(0, 25, values.shape)),
        "occlusion": _occluded(images, rng),
        "stuck": _pixels(first),
        "stuck, noise 2": _pixels(first + rng.normal(0, 2, values.shape)),
    }


def of_vectors(vectors: Records, training: Records, rng: np.random.Generator) -> dict[str, Records]:
    """Faults of sensors. vectors: (n, d); each result is float64 (n, d).

    training: the records that set each feature's standard deviation, (m, d). One feature is drawn
    among those that vary there. offset, noise: by half a standard deviation, always upwards for
    the offset. stuck: the feature stays at its value in the first record.
    """
    values, deviation = vectors.astype(np.float64), _deviation(training)
    feature = rng.choice(np.flatnonzero(deviation > 0))
    one = np.where(np.arange(len(deviation)) == feature, deviation, 0)  # (d,)
    stuck = values.copy()
    stuck[:, feature] = values[0, feature]
    return {
        "offset, one": values + 0.5 * one,
        "offset, all": values + 0.5 * deviation,
        "stuck, one": stuck,
        "noise, one": values + 0.5 * one * rng.normal(size=values.shape),
        "noise, all": values + 0.5 * deviation * rng.normal(size=values.shape),
    }


def of_new_class(
    normal: Records, novel: Records, name: str, rng: np.random.Generator
) -> dict[str, Records]:
    """Streams in which a share of the records belongs to a class never seen before.

    A stream is as long as `normal`, or shorter where `novel` is too short: no record is repeated.
    """
    return {f"{name} {share:.0%}": _mixed(normal, novel, share, rng) for share in SHARES}


def _mixed(normal: Records, novel: Records, share: float, rng: np.random.Generator) -> Records:
    length = min(len(normal), int(len(novel) / share))
    count = round(share * length)
    mixed = normal[:length].copy()
    mixed[rng.choice(length, count, replace=False)] = rng.permutation(novel)[:count]
    return mixed


def _rotated(images: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    rotated: NDArray[np.float32] = ndimage.rotate(
        images, degrees, axes=(1, 2), reshape=False, order=1
    )
    return rotated


def _occluded(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Each image with a black square that lies fully inside it."""
    n, height, width = images.shape
    top = rng.integers(0, height - SQUARE + 1, (n, 1))
    left = rng.integers(0, width - SQUARE + 1, (n, 1))
    y, x = np.arange(height), np.arange(width)
    rows = (top <= y) & (y < top + SQUARE)  # (n, H)
    columns = (left <= x) & (x < left + SQUARE)  # (n, W)
    hidden = rows[:, :, np.newaxis] & columns[:, np.newaxis, :]  # (n, H, W)
    return np.where(hidden, np.uint8(0), images)


def _deviation(vectors: Records) -> NDArray[np.float64]:
    """Standard deviation of each feature, (d,); 0 where it is constant up to rounding."""
    deviation = vectors.std(axis=0, dtype=np.float64)
    return np.where(deviation > 1e-9 * np.abs(vectors).max(axis=0), deviation, 0)


def _pixels(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return values.round().clip(0, 255).astype(np.uint8)
