"""Functions of one value that go through given points, as a module: many of them at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.solved import give, weight


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
        piece = torch.searchsorted(self.at, x, right=True)  # (d, B), from 0 to K
        start = (piece - 1).clamp_(min=0)
        distance = x - self.at.gather(1, start)
        found = self.slope.gather(1, piece).mul_(distance).add_(self.value.gather(1, start))
        return found.T  # (B, d)
