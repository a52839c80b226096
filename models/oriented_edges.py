"""Oriented edges: a picture as how much of an edge, in which direction, there is where.

    blur -> gradient -> 8 directions -> pooled to about 7 x 7 places -> square root -> unit length

What it ignores is what a picture may differ in and still be of the same kind: small shifts, the
stroke's width, contrast. Nothing of it is learned. Dalal and Triggs, Histograms of oriented
gradients for human detection (CVPR 2005); directions as in the simple cells of Hubel and Wiesel.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.solved import give, weight

DIRECTIONS: Final = 8
PLACES: Final = 7
BLUR: Final = 0.7
"""Standard deviation in pixels."""
_FEWEST_PIXELS: Final = 2
"""Between two places."""
_SMALL: Final = 1e-6
_FAINT: Final = 1e-3
"""Length that an empty picture is divided by."""


class OrientedEdges(nn.Module):
    """Pictures (B, C, H, W) to features (B, DIRECTIONS * h * w)."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.stride = max(_FEWEST_PIXELS, math.ceil(min(height, width) / PLACES))
        self.places = (math.ceil(height / self.stride), math.ceil(width / self.stride))
        self.blur_rows, self.blur_columns = weight(height, height), weight(width, width)
        self.pool_rows = weight(height, self.places[0])
        self.pool_columns = weight(width, self.places[1])

    def fit(self) -> None:
        """Set the weights, which depend on the size alone."""
        for blur in (self.blur_rows, self.blur_columns):
            give(blur, _bells(len(blur), BLUR, 1))
        for pool in (self.pool_rows, self.pool_columns):
            give(pool, _bells(len(pool), self.stride / 2, self.stride))

    @property
    def features(self) -> int:
        """Numbers that describe a picture."""
        return DIRECTIONS * math.prod(self.places)

    def blurred(self, x: Tensor) -> Tensor:
        """Return the pictures without fine detail, (B, C, H, W)."""
        return self.blur_rows.T @ x @ self.blur_columns

    def forward(self, blurred: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of unit length, (B, features), and their lengths before, (B,)."""
        across = functional.pad(blurred[..., 2:] - blurred[..., :-2], (1, 1))  # (B, C, H, W)
        down = functional.pad(blurred[..., 2:, :] - blurred[..., :-2, :], (0, 0, 1, 1))
        strength = (across.square() + down.square()).sqrt() + _SMALL  # (B, C, H, W)
        across, down = across / strength, down / strength
        maps = [self._pooled(across, down, strength, i) for i in range(DIRECTIONS)]
        found = torch.stack(maps, 1).flatten(1).clamp(min=0).sqrt()  # (B, features)
        length = found.norm(dim=1)  # (B,)
        return found / (length[:, None] + _FAINT), length

    def _pooled(self, across: Tensor, down: Tensor, strength: Tensor, number: int) -> Tensor:
        """How much edge in one direction there is at each place, (B, h, w)."""
        angle = 2 * math.pi * number / DIRECTIONS
        along = (math.cos(angle) * across + math.sin(angle) * down).clamp(min=0)  # (B, C, H, W)
        sharp = along.square().square_()  # what is nearly in this direction
        edges = (sharp * strength).sum(1)  # (B, H, W)
        return self.pool_rows.T @ edges @ self.pool_columns

    def spread(self, features: Tensor) -> Tensor:
        """Return numbers of features, (B, features), where in the picture they are, (B, H, W)."""
        places = features.reshape(-1, DIRECTIONS, *self.places).sum(1)  # (B, h, w)
        spread: Tensor = self.pool_rows @ places @ self.pool_columns.T
        return spread


def _bells(pixels: int, deviation: float, stride: int) -> Tensor:
    """Gaussian bells over the pixels, one each `stride`, (pixels, bells), of one height."""
    centres = torch.arange(0, pixels, stride, dtype=torch.float64) + (stride - 1) / 2
    away = torch.arange(pixels, dtype=torch.float64)[:, None] - centres
    bells = (-away.square() / (2 * deviation**2)).exp()  # (pixels, bells)
    return bells / bells.sum(0).max()
