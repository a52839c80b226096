"""Functions of one value that go through given points, as a module: many of them at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.solved import give, weight

_MANY: Final = 1 << 10
"""Values from which on it is faster to search for all of them in step."""
_MOST: Final = 255
"""Points of a row that one byte can count."""
_AT_ONCE: Final = 3
"""Points of a row that all its values are compared with, before they part."""

_FAST: Final = "wrap"
"""What `take` does beyond the end, where no place is: the fastest that it can do."""
_Floats = NDArray[np.float32]


class Interpolated(nn.Module):
    """d functions of one value, straight between K points each, and beyond the first and last."""

    def __init__(self, d: int, points: int) -> None:
        super().__init__()
        self.at = weight(d, points)
        self.value = weight(d, points)
        self.slope = weight(d, points + 1)

    def fit(self, at: Tensor, value: Tensor, before: float, after: float) -> None:
        """Go through these points.

        at: (d, K), ascending; of equal ones all but the last count for nothing. value: (d, K).
        before, after: slopes beyond the first and the last point.
        """
        give(self.at, at)
        give(self.value, value)
        # With the places as float32 has them: steep pieces between close points must fit.
        width = self.at.double().diff(dim=1)  # (d, K - 1)
        inner = torch.where(width > 0, value.diff(dim=1) / width, 0.0)
        first, last = (torch.full_like(inner[:, :1], slope) for slope in (before, after))
        give(self.slope, torch.cat([first, inner, last], dim=1))  # (d, K + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the values of the functions: from (B, d) to (B, d)."""
        return interpolated(self.at, self.value, self.slope, x.T).T


def interpolated(at: Tensor, value: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """Values of d functions at x (d, B): (d, B). at, value: (d, K). slope: (d, K + 1).

    torch.searchsorted takes 35 to 50 ns a value on a CPU, most of it for branches that the
    processor cannot foresee. Without any, for all values in step, numpy takes 8 to 15.
    """
    if x.numel() >= _MANY and _for_numpy(at, x):
        arrays = (each.detach().numpy() for each in (at, value, slope, x))
        return torch.from_numpy(_in_step(*arrays))
    x = x.contiguous()
    piece = torch.searchsorted(at, x, right=True)  # (d, B), from 0 to K
    start = (piece - 1).clamp_(min=0)
    distance = x - at.gather(1, start)
    return slope.gather(1, piece).mul_(distance).add_(value.gather(1, start))


def _for_numpy(at: Tensor, x: Tensor) -> bool:
    """Whether `_in_step` takes them: on a CPU, as they are, with nobody following what is done."""
    return (
        x.device.type == at.device.type == "cpu"
        and x.dtype == at.dtype == torch.float32
        and at.shape[1] <= _MOST
        and not (x.requires_grad and torch.is_grad_enabled())
        and not torch.compiler.is_compiling()
    )


def _in_step(at: _Floats, value: _Floats, slope: _Floats, x: _Floats) -> _Floats:
    """As `interpolated`: the same steps of arithmetic, so that every bit is the same."""
    x = np.ascontiguousarray(x)
    row = np.arange(len(at))[:, None]  # (d, 1)
    piece = _up_to(at, x)  # (d, B), from 0 to K
    place = np.add(np.maximum(piece, 1), at.shape[1] * row - 1)  # in the flat tables
    with np.errstate(all="ignore"):
        distance = x - at.take(place, mode=_FAST)
        found: _Floats = value.take(place, mode=_FAST)
        steep = slope.take(np.add(piece, slope.shape[1] * row, place), mode=_FAST)
        found += np.multiply(steep, distance, distance)
    return found


def _up_to(at: _Floats, x: _Floats) -> NDArray[np.uint8]:
    """How many of each row of `at` (d, K), ascending, are not above each of x (d, B).

    A comparison with every so many points of a row, then a bisection between two of them. The last
    point is compared by itself: a bisection of 31 takes 5 steps, of 32 it is 6.
    """
    rows, count = at.shape
    apart = -(-count // (_AT_ONCE + 1))
    compared = apart * (count // apart - 1)
    found, below = np.zeros(x.shape, np.uint8), np.empty(x.shape, np.bool_)
    place, there = np.empty(x.shape, np.intp), np.empty_like(x)
    one = below.view(np.uint8)
    for point in range(apart - 1, compared, apart):
        np.less_equal(at[:, point : point + 1], x, below)
        np.add(found, one, found)
    np.multiply(found, apart, found)
    points, first = at.ravel(), count * np.arange(rows)[:, None]  # (d * K,), (d, 1)
    left = count - 1 - compared
    while left:  # so many of the points after those that are found are in question
        half = (left + 1) // 2
        np.add(found, first, place)
        points[half - 1 :].take(place, None, there, _FAST)
        np.less_equal(there, x, below)
        np.add(found, np.multiply(one, half, one) if half > 1 else one, found)
        left -= half
    np.less_equal(at[:, -1:], x, below)
    return np.add(found, one, found)
