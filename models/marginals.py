"""Marginal tails: how far each value lies in the tail of its own feature, whatever the others are.

It is what an autoencoder without any code leaves: nothing is reconstructed, and the error of a
value is -log of the smaller of P(X <= x) and P(X >= x) among the training records, summed over
features. Li, Zhao, Hu, Botta, Ionescu and Chen, ECOD: unsupervised outlier detection using
empirical cumulative distribution functions (IEEE TKDE 2022). Beyond the training values it grows
by 1 for each standard deviation.

A value that many records share is a step: it is more probable than values right beside it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.interpolation import Interpolated

POINTS: Final = 128
_STEPS: Final = 32
"""Values shared by many records that are steps; of more, those that most records share."""
_BESIDE: Final = 1e-3
"""Of the distance to the next value: where a step ends."""
_ROUNDING: Final = 1e-6
"""Relative size of a step at least: a few float32 numbers."""


class Marginals(nn.Module):
    """The cost of each value."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.costs = Interpolated(d, POINTS)

    def fit(self, records: Tensor) -> None:
        """Learn from records (n, d)."""
        columns = records.double().cpu().numpy().T
        at, cost = zip(*map(_curve, columns), strict=True)
        self.costs.fit(torch.tensor(np.stack(at)), torch.tensor(np.stack(cost)), -1.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the cost of each value, (B, d) from (B, d)."""
        cost: Tensor = self.costs(x)
        return cost


def _curve(column: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """POINTS places of a feature (n,), ascending, and the cost there."""
    ranked = np.sort(column)
    steps, places = _places(ranked)
    beside = _beside(steps)
    at = np.concatenate([places, steps, steps - beside, steps + beside])
    order = np.argsort(at, kind="stable")
    at = at[order]
    cost = _cost(ranked, at)
    padding = POINTS - len(at)
    return np.pad(at, (0, padding), mode="edge"), np.pad(cost, (0, padding), mode="edge")


def _places(ranked: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values that are steps, and other places, both ascending: 3 x steps + others <= POINTS.

    The others are quantiles, denser towards both ends. First and last value are steps.
    """
    values, counts = np.unique(ranked, return_counts=True)
    shared = counts > max(1.0, len(ranked) / POINTS)
    if len(values) <= _STEPS:
        shared[:] = True
    shared[[0, -1]] = True
    most = np.argsort(np.where(shared, -counts, 0), kind="stable")[:_STEPS]
    chosen = np.zeros(len(values), dtype=np.bool_)
    chosen[most] = shared[most]
    chosen[[0, -1]] = True
    steps = values[chosen]
    others = values[~chosen]
    return steps, others[_ranks(len(others), POINTS - 3 * len(steps))]


def _ranks(count: int, most: int) -> NDArray[np.int64]:
    """At most so many ranks from 0 to count - 1, denser towards both ends."""
    if count <= most:
        return np.arange(count)
    share = 1 / (1 + np.exp(-np.linspace(-1, 1, most) * np.log(count)))
    return np.unique(np.round(share * (count - 1)).astype(np.int64))


def _beside(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a step reaches to either side: less than half way to the next."""
    gaps = np.diff(steps)
    nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    least = _ROUNDING * np.maximum(np.abs(steps), 1)
    wanted = np.where(np.isfinite(nearest), _BESIDE * nearest, least)
    return np.asarray(np.minimum(np.maximum(wanted, least), nearest / 3))


def _cost(ranked: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """-log of the smaller tail at each place, with the value itself in both tails."""
    n = len(ranked)
    up_to = np.searchsorted(ranked, at, side="right")
    from_on = n - np.searchsorted(ranked, at, side="left")
    p = (np.minimum(up_to, from_on) + 0.5) / (n + 1)
    return np.asarray(-np.log(np.minimum(p, 1)))
