"""Reconstruction probability: a variational autoencoder that says how sure it is of each value.

    d -> hidden -> (mean, log variance) of the code -> draws -> hidden -> mean and log variance of d

An and Cho, Variational autoencoder based anomaly detection using reconstruction probability (SNU
Data Mining Center, 2015), algorithm 4: the decoder gives a normal distribution of each value, and a
record is as anomalous as it is improbable in the mean over drawn codes. So a value that always
scatters widely weighs less than one that hardly does, where a squared error takes both alike.

The error is minus that mean, per value, in nats over what the narrowest distribution of `LEAST`
would give at its peak: so it is at least 0. What is drawn is drawn once: the same multiples of the
spread for every record, half of them the other half with the other sign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from models import checks
from models.autoencoder import Distance
from models.input_spec import InputSpec
from models.layers import linear
from models.solved import Scoring
from models.variational import MAX_BETA, Variational, divergence, drawn

BETA: Final = 1.0
"""Of the divergence: as in the evidence lower bound."""
DRAWS: Final = 8
MOST_DRAWS: Final = 256
LEAST: Final = -6.0
"""Log variance of a value at least: a spread of 0.05, in normalised units."""


class ReconstructionProbability(Variational, Scoring):
    """Settings: those of variational, with beta 1 unless it is given; draws, how many codes of a
    record are looked at.
    """

    architecture = "reconstruction-probability"
    metric = "probability"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        first = settings["hidden"][0]
        # The last layer of the decoder gives the means; one beside it, how sure they are.
        self.spread = linear(first, math.prod(spec.shape))
        self.register_buffer("draws", _draws(settings["draws"], settings["hidden"][-1]))

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        draws = checks.width("draws", settings.get("draws", DRAWS))
        if draws > MOST_DRAWS:
            raise ValueError(f"draws must be at most {MOST_DRAWS}, got {draws}")
        beta = checks.number("beta", settings.get("beta", BETA), MAX_BETA)
        others = super().check(spec, checks.without(settings, ("draws", "beta")))
        return {**others, "beta": beta, "draws": draws}

    def probable(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each value, (B, d) both, of codes (B, hidden[-1])."""
        features = self.decoder[:-1](code)  # (B, hidden[0])
        mean: Tensor = self.squash(self.decoder[-1](features))  # (B, d)
        return mean, LEAST + functional.softplus(self.spread(features) - LEAST)

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the negative evidence lower bound per value, up to a constant.

        distance: not used, since the model says itself how far apart values are.
        """
        mean, log_variance = self.distribution(x)
        made = self.probable(drawn(mean, log_variance))
        per_value = divergence(mean, log_variance).mean() / math.prod(self.shape)
        return improbable(x.flatten(1), *made).mean() + self.beta * per_value

    def errors(self, x: Tensor) -> Tensor:
        """As `Scoring.errors`: nats per value."""
        return self._improbable(x).mean(1)

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Scoring.element_errors`."""
        return self._improbable(x).view_as(x)

    @property
    def width(self) -> int:
        """As `Scoring.width`: what is made of the draws."""
        return 2 * int(self.settings["draws"]) * math.prod(self.shape)

    def _improbable(self, x: Tensor) -> Tensor:
        """How improbable each value is in the mean over the draws, (B, d)."""
        mean, log_variance = self.distribution(x)  # (B, c) both
        spread = (log_variance / 2).exp()
        codes = mean[:, None] + spread[:, None] * self.get_buffer("draws")  # (B, draws, c)
        made = self.probable(codes.flatten(0, 1))  # (B * draws, d) both
        values = x.flatten(1)[:, None]  # (B, 1, d)
        shape = (-1, self.settings["draws"], values.shape[2])
        return improbable(values, made[0].view(shape), made[1].view(shape)).mean(1)


def improbable(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Minus the log density of values under normal distributions, of the same shape, >= 0.

    In nats, over the peak of a distribution of the log variance LEAST, which is the highest.
    """
    return ((x - mean).square() * (-log_variance).exp() + log_variance - LEAST) / 2


def _draws(count: int, code: int) -> Tensor:
    """Multiples of the spread, (count, code), the same for ever."""
    half = torch.empty((count + 1) // 2, code)
    if half.is_meta:
        return torch.empty(count, code)
    half.normal_(generator=torch.Generator().manual_seed(0))
    return torch.cat([half, -half])[:count]
