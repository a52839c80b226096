"""Models that say themselves what the error of a record is, and how its elements share it.

Solved ones among them are autoencoders whose weights are computed from the records, without
gradients: a reconstruction alone would leave out what an anomaly changes in the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.autoencoder import Autoencoder
from models.denormals import without_denormals


class Scoring(Autoencoder):
    """A subclass defines `errors` and `element_errors`. metric: what a bundle calls its error."""

    metric: ClassVar[str]

    def errors(self, x: Tensor) -> Tensor:
        """Return the error of each record, (B,), >= 0. x: float32 (B, *shape), normalised."""
        raise NotImplementedError

    def element_errors(self, x: Tensor) -> Tensor:
        """Return how elements share the error, (B, *shape), >= 0; a record's mean is its error."""
        raise NotImplementedError

    def unplaced(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return shares of the error that lie in no element, (B,) each, by what they are of."""
        return {}

    @property
    def width(self) -> int:
        """Values that `errors` holds of a record at a time, for the choice of rows in a pass."""
        raise NotImplementedError


class Solved(Scoring):
    """A subclass defines `solve` beside what every scoring model has.

    share: of the training records, the strangest, that `solve` leaves out if nobody says how many.
    """

    metric = "surprisal"
    share: ClassVar[float]

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """Compute the weights; return a bool (n,), true for the records that they rest on.

        records: float32 (n, *shape), normalised. share: of them, in [0, 0.5], the strangest, to be
        left out. Repeatable: the same records, share and seed give the same weights.
        """
        raise NotImplementedError


def weight(*shape: int) -> nn.Parameter:
    """A weight that is computed and not trained: ones until then."""
    return nn.Parameter(torch.ones(shape), requires_grad=False)


def give(weight: nn.Parameter, values: Tensor) -> None:
    """Set a weight, which takes the shape of the values. Denormal ones become 0."""
    weight.data = without_denormals(values.to(weight.device, torch.float32)).contiguous()


def unusual(surprisals: Tensor, share: float) -> Tensor:
    """Bool (n,): true for so many of the largest, of equal ones the later."""
    count = int(share * len(surprisals))
    order = surprisals.argsort(stable=True)
    found = torch.zeros(len(surprisals), dtype=torch.bool, device=surprisals.device)
    found[order[len(order) - count :]] = True
    return found
