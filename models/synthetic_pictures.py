"""Synthetic anomalies among pictures.

    pasted      a patch of another picture, from elsewhere in it (Li, Sohn, Yoon and Pfister,
                CutPaste, CVPR 2021)
    occluded    a patch is as bright as the whole picture is on average
    blurred     by a Gaussian of 0.7 to 2 pixels
    noisy       Gaussian noise, 0.03 to 0.3 of the range
    contrast    0.3 to 0.7 times the contrast, or 1.4 to 3 times

Patches are a fifth to a half as high and wide as the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PATCH: Final = (0.2, 0.5)
BLURS: Final = (0.7, 2.0)
NOISES: Final = (0.03, 0.3)
FAINT: Final = (0.3, 0.7)
STRONG: Final = (1.4, 3.0)
Pictures = NDArray[np.float32]


def spoilt(prepared: Pictures, rng: np.random.Generator) -> dict[str, Pictures]:
    """Pictures (m, C, H, W), from 0 to 1, by kind. They stay from 0 to 1."""
    made = {
        "pasted": _pasted(prepared, rng),
        "occluded": _occluded(prepared, rng),
        "blurred": _blurred(prepared, rng),
        "noisy": _noisy(prepared, rng),
        "contrast": _contrast(prepared, rng),
    }
    return {kind: pictures.clip(0, 1) for kind, pictures in made.items()}


def _pasted(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    made = pictures.copy()
    for i, (rows, columns) in enumerate(_patches(pictures, rng)):
        other = (i + rng.integers(1, len(pictures))) % len(pictures)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        top = rng.integers(0, pictures.shape[2] - height + 1)
        left = rng.integers(0, pictures.shape[3] - width + 1)
        made[i, :, rows, columns] = pictures[other, :, top : top + height, left : left + width]
    return made


def _occluded(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    made = pictures.copy()
    for picture, (rows, columns) in zip(made, _patches(pictures, rng), strict=True):
        picture[:, rows, columns] = picture.mean(axis=(1, 2), keepdims=True)
    return made


def _blurred(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    widths = _logarithmic(BLURS, len(pictures), rng)
    each = [gaussian_filter(p, (0, w, w)) for p, w in zip(pictures, widths, strict=True)]
    return np.stack(each).astype(np.float32)


def _noisy(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    size = _logarithmic(NOISES, len(pictures), rng)
    noise = size[:, None, None, None] * rng.normal(size=pictures.shape)
    return pictures + noise.astype(np.float32)


def _contrast(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    count = len(pictures)
    faint = rng.random(count) < 0.5
    factor = np.where(faint, rng.uniform(*FAINT, size=count), rng.uniform(*STRONG, size=count))
    middle = pictures.mean(axis=(1, 2, 3), keepdims=True)
    made: Pictures = (middle + factor[:, None, None, None] * (pictures - middle)).astype(np.float32)
    return made


def _patches(pictures: Pictures, rng: np.random.Generator) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of a patch of each picture."""
    for _ in pictures:
        yield _side(pictures.shape[2], rng), _side(pictures.shape[3], rng)


def _side(length: int, rng: np.random.Generator) -> slice:
    size = max(1, round(length * rng.uniform(*PATCH)))
    start = int(rng.integers(0, length - size + 1))
    return slice(start, start + size)


def _logarithmic(
    limits: tuple[float, float], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    low, high = limits
    return low * (high / low) ** rng.random(count)
