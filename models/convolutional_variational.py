"""Variational autoencoder for pictures: `variational`, between the halves of `convolutional`.

    (C, H, W) -> ... -> (ck, h, w) -> (mean, log variance) of the code -> sample -> ... -> (C, H, W)

The loss and its sources are those of `variational`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from models import checks
from models.autoencoder import Distance
from models.convolutional import Convolutional
from models.input_spec import InputSpec
from models.variational import BETA, MAX_BETA, bounded, divergence, drawn


class ConvolutionalVariational(Convolutional):
    """Settings: those of convolutional; beta, as for variational."""

    architecture = "convolutional-variational"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.beta: float = settings["beta"]
        self.to_code = nn.Linear(math.prod(self.inner), 2 * settings["bottleneck"])

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for small images."""
        own = {"beta": checks.number("beta", settings.get("beta", BETA), MAX_BETA)}
        return {**super().check(spec, checks.without(settings, own)), **own}

    def distribution(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each image's code, (B, bottleneck) both."""
        return bounded(super().encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes' means, (B, bottleneck), each value in (-4, 4)."""
        return self.distribution(x)[0]

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of a reconstruction from drawn codes, and beta times the divergence,
        per value of an image.
        """
        mean, log_variance = self.distribution(x)
        per_value = divergence(mean, log_variance).mean() / math.prod(self.shape)
        return distance(x, self.decode(drawn(mean, log_variance))) + self.beta * per_value
