"""Whitened: a linear autoencoder whose residual and code are measured in their own spreads.

The residual alone leaves out an anomaly that lies far out along the code. Both together, each
direction divided by its standard deviation, are the Mahalanobis distance (Mahalanobis, On the
generalised distance in statistics, 1936). Spreads are widened a little, so that directions without
any do not outweigh all others.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from models.closed_form import principal
from models.solved import give, weight

RIDGE: Final = 1e-3
"""Of the mean variance: added to each."""
_NONE: Final = 1e-6
"""Of the largest variance: no variance."""
_LEAST: Final = 1e-6
"""Added, too: where nothing varies."""


class Whitened(nn.Module):
    """d values to a code of the `rank` directions of largest variance, and back."""

    def __init__(self, d: int, rank: int) -> None:
        super().__init__()
        self.mean = weight(d)
        self.basis = weight(d, rank)
        self.gain = weight(rank)
        self.residual_gain = weight(1)
        self.complete = rank == d

    def fit(self, records: Tensor) -> None:
        """Learn from records (n, d)."""
        mean, variance, directions = principal(records)
        variance, directions = variance.flip(0), directions.flip(1)
        rank, ridge = len(self.gain), RIDGE * float(variance.mean()) + _LEAST
        gain = (variance + ridge).rsqrt()
        if len(records) <= len(mean):
            # So few records cannot vary in all directions: where they do not says nothing.
            gain[variance <= _NONE * variance[0]] = 0
        rest = variance[rank:]
        residual = (rest.mean() + ridge).rsqrt() if len(rest) and gain[-1] > 0 else gain[-1] * 0
        give(self.mean, mean)
        give(self.basis, directions[:, :rank])
        give(self.gain, gain[:rank])
        give(self.residual_gain, residual[None])

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes, (B, rank) from (B, d)."""
        return torch.mm(x - self.mean, self.basis)

    def decode(self, code: Tensor) -> Tensor:
        """Return records, (B, d), from the first values of their codes, (B, k)."""
        return self.mean + code @ self.basis[:, : code.shape[1]].T

    def forward(self, x: Tensor) -> Tensor:
        """Return squared distances, (B,) from (B, d)."""
        centred = x - self.mean
        code = centred @ self.basis  # (B, rank)
        scaled = code * self.gain
        distance = (scaled * scaled).sum(1)  # (B,)
        if self.complete:
            return distance
        residual = (centred - code @ self.basis.T).square().sum(1)  # (B,)
        return distance + self.residual_gain.square() * residual

    def each(self, x: Tensor) -> Tensor:
        """Return what each value has of the squared distance, (B, d) from (B, d).

        The symmetric square root of the inverse covariance keeps values in their places: Garthwaite
        and Koch, Evaluating the contributions of individual variables to a quadratic form (2016).
        """
        centred = x - self.mean
        code = centred @ self.basis  # (B, rank)
        widened = (code * (self.gain - self.residual_gain)) @ self.basis.T  # (B, d)
        return (centred * self.residual_gain + widened).square()
