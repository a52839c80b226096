"""Handwritten digits as a camera would send them: each drawn anew, so that none comes twice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.demo import digits

Images = NDArray[np.uint8]
CENTRE = 13.5


@lru_cache
def _pool() -> Images:
    return digits.load()


def normal(rng: np.random.Generator, count: int) -> Images:
    """(count, 28, 28) digits, each turned and shifted a little at random."""
    chosen = _pool()[rng.integers(len(_pool()), size=count)]
    angles = rng.normal(0, np.deg2rad(5), count)
    shifts = rng.normal(0, 0.7, (count, 2))
    return np.stack([_moved(*item) for item in zip(chosen, angles, shifts, strict=True)])


def _moved(image: Images, angle: float, shift: NDArray[np.float64]) -> Images:
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    centre = np.full(2, CENTRE)
    moved = ndimage.affine_transform(
        image.astype(np.float32), turn, centre - turn @ (centre + shift), order=1
    )
    return np.asarray(np.clip(np.rint(moved), 0, 255), dtype=np.uint8)


def changed(rng: np.random.Generator, count: int) -> Images:
    """A lasting change: a broader pen, the sheet turned by 15 degrees, less contrast."""
    images = ndimage.grey_dilation(normal(rng, count), size=(1, 2, 2)).astype(np.float32)
    turned = ndimage.rotate(images, 15, axes=(2, 1), reshape=False, order=1)
    return np.asarray(np.clip(np.rint(0.7 * turned + 30), 0, 255), dtype=np.uint8)


def torn(rng: np.random.Generator, count: int) -> Images:
    """Anomalies in the changed style: the four quarters of each digit are mixed up."""
    images = changed(rng, count)
    half = images.shape[1] // 2
    return np.block([
        [images[:, half:, half:], images[:, :half, :half][:, ::-1]],
        [images[:, :half, half:][:, ::-1], images[:, half:, :half]],
    ])  # fmt: skip
