"""Contractive: a dense autoencoder whose code changes little where records change a little.

Rifai, Vincent, Muller, Glorot and Bengio, Contractive auto-encoders (ICML 2011). Beside the error,
the squared Frobenius norm of the Jacobian of the code with respect to the record is made small. Of
several layers it is estimated without bias, as the squared length of a random vector times the
Jacobian (Hutchinson, Communications in Statistics 19, 1990): one more backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from models import checks
from models.autoencoder import Distance
from models.dense import Dense
from models.input_spec import InputSpec

WEIGHT: Final = 0.01
MAX_WEIGHT: Final = 1000.0


class Contractive(Dense):
    """Settings: hidden, output, as for dense; weight, of the Jacobian's squared norm per value of
    a record, as the error is.
    """

    architecture = "contractive"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.weight: float = settings["weight"]

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        own = {"weight": checks.number("weight", settings.get("weight", WEIGHT), MAX_WEIGHT)}
        return {**super().check(spec, checks.without(settings, own)), **own}

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of the reconstruction, and the weighted norm of the Jacobian."""
        x = x.detach().requires_grad_()
        code = self.encode(x)  # (B, hidden[-1])
        norm = jacobian_norm(code, x).mean() / math.prod(self.shape)
        return distance(x.detach(), self.decode(code)) + self.weight * norm


def jacobian_norm(code: Tensor, x: Tensor) -> Tensor:
    """An estimate of the squared Frobenius norm of each record's Jacobian, (B,).

    code: (B, c), computed from x (B, *shape), which needs a gradient. Each record's code must
    depend on that record alone.
    """
    direction = torch.randn_like(code)  # (B, c)
    (slope,) = torch.autograd.grad((code * direction).sum(), x, create_graph=True)  # (B, *shape)
    return slope.flatten(1).square().sum(1)
