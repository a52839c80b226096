"""Variational: a fully connected autoencoder whose codes follow a standard normal distribution.

    d -> hidden[0] -> ... -> (mean, log variance) of the code -> sample -> ... -> hidden[0] -> d

Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014). In training each code is drawn
from the normal distribution that the encoder gives (section 2.4), and the loss is the negative
evidence lower bound (equation 10): the reconstruction error, and beta times the divergence of
that distribution from the standard normal one (appendix B). In service nothing is drawn: the
code is the mean, so that a record is judged alike each time.

Codes of normal records lie close together, without gaps; beta says how much that is worth. The
mean is bounded as in `dense`, for the same reason, but further out: 95% of a standard normal
distribution lie within 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from models import checks
from models.autoencoder import Autoencoder, Distance
from models.input_spec import InputSpec
from models.layers import OUTPUTS, default_hidden, squash, stack

FARTHEST_MEAN: Final = 4.0
LOG_VARIANCES: Final = (-12.0, 4.0)
"""Least and most: beyond them exp and its gradient are of no use."""
BETA: Final = 0.01
MAX_BETA: Final = 1000.0


class Variational(Autoencoder):
    """Settings: hidden, the widths from the first layer to the code, mirrored by the decoder
    (default: as for dense); beta, the weight of the divergence, per value of a record as the
    error is; output, "linear" (vectors) or "sigmoid" (images).
    """

    architecture = "variational"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        sizes = [math.prod(spec.shape), *settings["hidden"]]
        self.beta: float = settings["beta"]
        self.encoder = stack([*sizes[:-1], 2 * sizes[-1]])
        self.decoder = stack(sizes[::-1])
        self.squash = squash(settings["output"])

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        checks.known(settings, ("hidden", "beta", "output"))
        output = settings.get("output", "sigmoid" if spec.is_image else "linear")
        hidden = settings.get("hidden", default_hidden(math.prod(spec.shape)))
        return {
            "hidden": checks.widths("hidden", hidden),
            "beta": checks.number("beta", settings.get("beta", BETA), MAX_BETA),
            "output": checks.choice("output", output, OUTPUTS),
        }

    def distribution(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each record's code, (B, hidden[-1]) both."""
        return bounded(self.encoder(x.flatten(1)))

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes' means, (B, hidden[-1]), each value in (-4, 4)."""
        return self.distribution(x)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        flat: Tensor = self.squash(self.decoder(code))  # (B, d)
        return flat.reshape(-1, *self.shape)  # (B, *shape)

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of a reconstruction from drawn codes, and beta times the divergence.

        The divergence is divided by the values of a record, since the distance is their mean.
        """
        mean, log_variance = self.distribution(x)
        per_value = divergence(mean, log_variance).mean() / math.prod(self.shape)
        return distance(x, self.decode(drawn(mean, log_variance))) + self.beta * per_value


def bounded(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance of codes, (B, code) both, of what an encoder says, (B, 2 * code)."""
    mean, log_variance = parameters.chunk(2, dim=1)  # (B, code) both
    mean = FARTHEST_MEAN * (mean / FARTHEST_MEAN).tanh()
    return mean, log_variance.clamp(*LOG_VARIANCES)


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Codes from normal distributions, (B, code), with a gradient to both of their parameters."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of normal distributions from the standard one, (B,), in nats."""
    each = (mean.square() + log_variance.exp() - log_variance - 1) / 2  # (B, code)
    return each.sum(1)
