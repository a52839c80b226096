"""Functions of one value that go through given points, as a module: many of them at once."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from models.solved import give, weight

_MANY: Final = 1 << 12
"""Values from which on it is faster to search for all of them in step."""


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
        x = x.T.contiguous()  # (d, B)
        piece = _up_to(self.at, x)  # (d, B), from 0 to K
        start = (piece - 1).clamp_(min=0)
        distance = x - self.at.gather(1, start)
        found = self.slope.gather(1, piece).mul_(distance).add_(self.value.gather(1, start))
        return found.T  # (B, d)


def _up_to(at: Tensor, x: Tensor) -> Tensor:
    """How many of each row of `at` (d, K), ascending, are not above each of x (d, B): int64.

    torch.searchsorted takes 35 to 40 ns a value on a CPU, most of it for branches that the
    processor cannot foresee. A bisection without any, for all values in step, takes half of it.
    """
    count = at.shape[1]
    if x.device.type != "cpu" or x.numel() < _MANY:
        return torch.searchsorted(at, x, right=True)
    half = count // 2
    found = (at[:, half - 1 : half] <= x).long().mul_(half) if half else x.new_zeros(x.shape).long()
    left = count - half
    while left > 1:
        half = left // 2
        # As long as `left` of the row may be in question, its next `half` are there to be seen.
        found.add_(at[:, half - 1 :].gather(1, found) <= x, alpha=half)
        left -= half
    return found.add_(at.gather(1, found.clamp(max=count - 1)) <= x)
