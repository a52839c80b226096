"""Denoising: a dense autoencoder that reconstructs records from copies with some values replaced.

Vincent, Larochelle, Bengio and Manzagol, Extracting and composing robust features with denoising
autoencoders (ICML 2008). A value is replaced by that of another record of the batch, in the same
place: so every replacement is a usual value of its own, and what is wrong with the copy is how its
values belong together. For tables that is a nearer fault than noise or zeros.

In service nothing is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from models import checks
from models.autoencoder import Distance
from models.dense import Dense
from models.input_spec import InputSpec

CORRUPTION: Final = 0.2


class Denoising(Dense):
    """Settings: hidden, output, as for dense; corruption, the share of the values replaced."""

    architecture = "denoising"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.corruption: float = settings["corruption"]

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        own = {"corruption": checks.share("corruption", settings.get("corruption", CORRUPTION))}
        return {**super().check(spec, checks.without(settings, own)), **own}

    def corrupted(self, x: Tensor) -> Tensor:
        """`replaced` with the share of the settings."""
        return replaced(x, self.corruption)

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of x from the reconstruction of a copy with values replaced."""
        return distance(x, self(self.corrupted(x)))


def replaced(x: Tensor, share: float) -> Tensor:
    """A copy of x (B, *shape) with a share of its values taken from other records."""
    flat = x.flatten(1)  # (B, d)
    others = torch.randint(len(flat), flat.shape, device=x.device)  # (B, d), rows
    chosen = torch.rand(flat.shape, device=x.device) < share  # (B, d)
    return torch.where(chosen, flat.gather(0, others), flat).reshape(x.shape)
