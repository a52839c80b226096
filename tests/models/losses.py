"""What each architecture is trained on, computed once more from its parts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.autoencoder import Autoencoder, Distance
from models.variational import Variational
from tests.asked import Asked


def mean_squared(x: Tensor, reconstruction: Tensor) -> Tensor:
    """The default distance."""
    return (reconstruction - x).square().mean()


def plain(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The reconstruction error and nothing else."""
    return distance(x, model.decode(model.encode(x)))


def bound(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The error of reconstructions from drawn codes, and beta times the divergence, per value."""
    assert isinstance(model, Variational)
    mean, log_variance = model.distribution(x)
    noise = torch.randn_like(mean)
    error = distance(x, model.decode(mean + (log_variance / 2).exp() * noise))
    gathered = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
    return error + model.settings["beta"] * gathered.mean() / x[0].numel()


LOSSES: Asked[Callable[[Autoencoder, Tensor, Distance], Tensor]] = Asked(
    "tests/models/losses.py: add what architecture {} is trained on to LOSSES",
    {
        "ladder": plain,
        "edges": plain,
        "dense": plain,
        "convolutional": plain,
        "temporal": plain,
        "variational": bound,
    },
)
