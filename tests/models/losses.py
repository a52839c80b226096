"""What each architecture is trained on, computed once more from its parts."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from models.autoencoder import Autoencoder, Distance
from tests.asked import Asked


def mean_squared(x: Tensor, reconstruction: Tensor) -> Tensor:
    """The default distance."""
    return (reconstruction - x).square().mean()


def plain(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The reconstruction error and nothing else."""
    return distance(x, model.decode(model.encode(x)))


LOSSES: Asked[Callable[[Autoencoder, Tensor, Distance], Tensor]] = Asked(
    "tests/models/losses.py: add what architecture {} is trained on to LOSSES",
    {"dense": plain, "convolutional": plain},
)
