"""Local patches: how unlike the usual each small part of a picture is, and where.

    picture, and the same at half and a quarter of its size
      coarse   patches of some 6 x 6 pixels, whitened: their squared length       (1 per place)
      fine     patches of 3 x 3: how light, how strong in coarse and fine detail   (3 per place),
               averaged over 3 x 3 of them, whitened in turn: their squared length
    each as its logarithm, in spreads of what it usually is at that place

The first sees what is too strong for its surroundings, a scratch or a spot. It hardly sees what is
missing: a patch without any detail is near the mean. The second does, since it is made of
logarithms. What is usual among patches is learned over all places, so that textures may begin
anywhere, and the spread for each place, as Defard, Setkov, Loesch and Audigier, PaDiM (ICPR 2020
workshops), do it for features of a network. The distance is that of Reed and Yu, Adaptive
multiple-band CFAR detection of an optical pattern (IEEE Transactions on Acoustics, Speech and
Signal Processing 38, 1990).
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.closed_form import principal
from models.solved import give, weight

MOST_VALUES: Final = 48
"""Of a coarse patch: pixels times channels."""
COARSE: Final = 6
"""Pixels of its side at most; at most half of the picture's."""
MIN_SIDE: Final = 8
FINE: Final = 3
LARGE: Final = 128
"""Pixels of a picture's shorter side from which there are half as many places a side."""
SCALES: Final = (1, 2, 4)
_PATCHES: Final = 4
"""Coarse patches that the shorter side of a smaller picture has at least."""
_SAMPLE: Final = 100_000
"""Patches that say what is usual."""
_BLOCK: Final = 64
"""Pictures at a time, in fitting."""
_RIDGE: Final = 1e-3
"""Of the mean variance: added to each."""
_LEAST: Final = 1e-6
_QUIET: Final = 1e-4
"""Strength below which detail counts as none, in usual strengths."""
_SHARED: Final = 0.3
"""Share of the spread over all places that each place has at least."""


class PatchMap(nn.Module):
    """How unlike the usual the places of a picture are. A subclass measures patches.

    channels, height, width: of the picture, which is taken at 1 / scale of its size. side, stride:
    of places, patch, step: of the patches that are measured there, in pixels of that size.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        scale: int,
        side: int,
        stride: int,
        patch: int,
        step: int,
    ) -> None:
        super().__init__()
        self.size, self.scale = (height, width), scale
        self.side, self.stride, self.patch, self.step = side, stride, patch, step
        self.padding = tuple(-(n // scale - side) % stride for n in (width, height))
        self.places = tuple(-(-(n // scale - side) // stride) + 1 for n in (height, width))
        self.filters = weight(channels * patch**2, channels, patch, patch)
        self.offsets = weight(channels * patch**2)
        self.usual = weight(*self.places)
        self.spread = weight(*self.places)

    @property
    def values(self) -> int:
        """Numbers that it holds of a picture at a time."""
        return len(self.offsets) * self.places[0] * self.places[1] * (self.stride // self.step) ** 2

    def fit(self, pictures: Tensor, seed: int) -> None:
        """Learn from pictures (n, C, H, W)."""
        chosen = _some(len(pictures), max(1, _SAMPLE // (self.places[0] * self.places[1])), seed)
        patches = functional.unfold(self._padded(pictures[chosen]), self.patch, stride=self.step)
        mean, whitening = _whitening(patches.transpose(1, 2).flatten(0, 1))  # (D,), (D, D)
        give(self.filters, whitening.T.reshape(self.filters.shape))
        give(self.offsets, -(whitening.T @ mean))
        self._fit_measure(pictures[chosen])
        logs = torch.cat([self._logs(block) for block in torch.split(pictures, _BLOCK)])
        give(self.usual, logs.mean(0))
        spread = logs.std(0)
        shared = _SHARED * logs.std().clamp(min=_LEAST)
        give(self.spread, (spread.square() + shared.square()).sqrt())

    def forward(self, pictures: Tensor) -> Tensor:
        """Return how unlike the usual each place is, (B, h, w), in spreads."""
        return (self._logs(pictures) - self.usual) / self.spread

    def spread_out(self, places: Tensor) -> Tensor:
        """Return for each pixel the mean of the places that hold it, (B, H, W) from (B, h, w).

        Pixels of the picture, whatever the scale.
        """
        footprint = torch.ones(1, 1, self.side, self.side, device=places.device)
        sums = functional.conv_transpose2d(places[:, None], footprint, stride=self.stride)
        counts = functional.conv_transpose2d(
            torch.ones_like(places[:1, None]), footprint, stride=self.stride
        )
        height, width = sums.shape[2] - self.padding[1], sums.shape[3] - self.padding[0]
        means = (sums / counts)[:, :, :height, :width]
        return functional.interpolate(means, size=self.size, mode="nearest")[:, 0]

    def _padded(self, pictures: Tensor) -> Tensor:
        """Pictures of the scale's size whose last rows and columns are in a place, too."""
        right, below = self.padding
        if self.scale > 1:
            pictures = functional.avg_pool2d(pictures, self.scale)
        return functional.pad(pictures, (0, right, 0, below), mode="replicate")

    def _whitened(self, pictures: Tensor) -> Tensor:
        """Whitened patches, (B, D, h, w): D from the least variance to the largest."""
        return functional.conv2d(
            self._padded(pictures), self.filters, self.offsets, stride=self.step
        )

    def _logs(self, pictures: Tensor) -> Tensor:
        return (self._measure(pictures) + _LEAST).log()

    def _fit_measure(self, pictures: Tensor) -> None:
        """Learn what `_measure` needs beside the filters."""

    def _measure(self, pictures: Tensor) -> Tensor:
        """Mean squared length of what is measured at each place, (B, h, w)."""
        raise NotImplementedError


class Coarse(PatchMap):
    """A patch is a place."""

    def __init__(
        self, channels: int, height: int, width: int, scale: int, side: int, stride: int
    ) -> None:
        super().__init__(channels, height, width, scale, side, stride, side, stride)

    def _measure(self, pictures: Tensor) -> Tensor:
        return self._whitened(pictures).square().mean(1)


class Fine(PatchMap):
    """How light small patches are, and how strong their coarse and their fine detail is."""

    def __init__(self, channels: int, height: int, width: int, scale: int, step: int) -> None:
        super().__init__(channels, height, width, scale, FINE + 2 * step, 2, FINE, step)
        self.mean = weight(3)
        self.whitening = weight(3, 3)

    def _fit_measure(self, pictures: Tensor) -> None:
        found = self._strengths(pictures).permute(0, 2, 3, 1).flatten(0, 2)  # (patches, 3)
        mean, whitening = _whitening(found)
        give(self.mean, mean)
        give(self.whitening, whitening)

    def _measure(self, pictures: Tensor) -> Tensor:
        away = self._strengths(pictures).permute(0, 2, 3, 1) - self.mean  # (B, h, w, 3)
        return (away @ self.whitening).square().mean(3)

    def _strengths(self, pictures: Tensor) -> Tensor:
        """Of patches of pictures (B, C, H, W), (B, 3, h, w)."""
        whitened = self._whitened(pictures)
        count = whitened.shape[1]
        # Detail counts as fine beyond so many directions as lie between two and all of them.
        cut = count - round((2 * count) ** 0.5)
        squares = whitened.square()
        details = [squares[:, :cut].mean(1), squares[:, cut:-1].mean(1)]
        strengths = (torch.stack(details, 1) + _QUIET).log()
        found = torch.cat([whitened[:, -1:], strengths], 1)
        return functional.avg_pool2d(found, 3, self.stride // self.step)


class LocalPatches(nn.Module):
    """Both kinds at every scale. height, width: at least MIN_SIDE."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        shorter = min(height, width)
        side = min(COARSE, shorter // 2, math.isqrt(MOST_VALUES // channels))
        apart = 2 if shorter >= LARGE else 1
        scales = [n for n in SCALES if n == 1 or shorter // n >= _PATCHES * side]
        self.maps = nn.ModuleList()
        for scale in scales:
            size = (channels, height, width, scale)
            self.maps.append(Coarse(*size, side, min(2 * apart, side)))
            self.maps.append(Fine(*size, apart))

    @property
    def values(self) -> int:
        """Numbers that it holds of a picture at a time."""
        return sum(each.values for each in self._maps)

    def fit(self, pictures: Tensor, seed: int) -> None:
        """Learn from pictures (n, C, H, W)."""
        for each in self._maps:
            each.fit(pictures, seed)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return how unlike the usual the strangest place of each map is, (maps, B)."""
        return torch.stack([each(pictures).flatten(1).amax(1) for each in self._maps])

    def per_pixel(self, pictures: Tensor, middle: Tensor, unit: Tensor) -> Tensor:
        """Return how unlike the usual each pixel is, (B, H, W): the largest of all maps.

        middle, unit: (maps,), of each map what is taken off, and what counts as 1 then.
        """
        shown = [
            each.spread_out((each(pictures) - middle[i]) / unit[i])
            for i, each in enumerate(self._maps)
        ]
        return torch.stack(shown).amax(0)

    @property
    def _maps(self) -> list[PatchMap]:
        return [each for each in self.maps if isinstance(each, PatchMap)]


def _some(count: int, most: int, seed: int) -> Tensor:
    """Indices of at most so many of `count`, ascending."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(count, generator=generator)[:most].sort().values


def _whitening(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) of rows (n, D), and what makes them uncorrelated with variance 1, (D, D).

    Columns stand in the order of the variance, the least first.
    """
    mean, variance, directions = principal(rows)
    ridge = _RIDGE * float(variance.mean()) + _LEAST
    return mean, directions * (variance + ridge).rsqrt()
