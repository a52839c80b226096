"""Random flips, shifts and small rotations of training images.

Only for changes that are normal in service: a model trained on flipped digits takes mirrored
ones for normal.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional

AUGMENTATIONS: Final = ("flip", "shift", "rotate")
MAX_SHIFT: Final = 0.1
"""Of height and width, each way."""
MAX_ROTATION_DEGREES: Final = 10.0


def augment(images: Tensor, kinds: Collection[str], generator: Generator) -> Tensor:
    """Return changed copies of the images, each its own way, float32 (B, C, H, W).

    kinds: any of AUGMENTATIONS. Half of the images are mirrored left to right by "flip". What
    comes in from outside repeats the border. Interpolation is bilinear. generator: of the CPU.
    """
    if "flip" in kinds:
        mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        images = torch.where(mirrored, images.flip(-1), images)
    if "shift" in kinds or "rotate" in kinds:
        images = _move(images, "shift" in kinds, "rotate" in kinds, generator)
    return images


def _move(images: Tensor, shift: bool, rotate: bool, generator: Generator) -> Tensor:
    count, _, height, width = images.shape
    draws = torch.rand(3, count, generator=generator) * 2 - 1  # (3, B), uniform in [-1, 1)
    angle = draws[0] * (math.radians(MAX_ROTATION_DEGREES) if rotate else 0.0)
    # Grid coordinates run from -1 to 1 over the whole side: a shift of 10% is 0.2.
    right, down = draws[1:] * (2 * MAX_SHIFT if shift else 0.0)
    aspect = height / width
    cosine, sine = angle.cos(), angle.sin()
    rows = [cosine, -sine * aspect, right, sine / aspect, cosine, down]
    theta = torch.stack(rows, 1).reshape(count, 2, 3)  # (B, 2, 3)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)  # (B, H, W, 2)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
