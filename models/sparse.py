"""Sparse: a dense autoencoder of whose code few values differ from zero for any one record.

Two penalties on the code, whose values lie between -1 and 1:

    kl  the divergence between a wanted and the batch's mean activity of each value (Ng, Sparse
        autoencoder, CS294A lecture notes, Stanford 2011): each value is used, and seldom
    l1  the mean activity (Tibshirani, Journal of the Royal Statistical Society B 58, 1996)

The activity of a value is how far it is from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from models import checks
from models.autoencoder import Distance
from models.dense import Dense
from models.input_spec import InputSpec

PENALTIES: Final = ("kl", "l1")
ACTIVITY: Final = 0.05
WEIGHT: Final = 0.03
MAX_WEIGHT: Final = 1000.0
_LEAST: Final = 1e-6
"""Activities are kept so far from 0 and 1, where the divergence has no bound."""


class Sparse(Dense):
    """Settings: hidden, output, as for dense; penalty, "kl" or "l1"; activity, the mean distance
    from zero that "kl" wants of each code value; weight, of the penalty beside the error.
    """

    architecture = "sparse"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.activity: float = settings["activity"]
        self.weight: float = settings["weight"]

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        own = {
            "penalty": checks.choice("penalty", settings.get("penalty", "kl"), PENALTIES),
            "activity": checks.share("activity", settings.get("activity", ACTIVITY)),
            "weight": checks.number("weight", settings.get("weight", WEIGHT), MAX_WEIGHT),
        }
        return {**super().check(spec, checks.without(settings, own)), **own}

    def penalty(self, code: Tensor) -> Tensor:
        """What the activity of codes (B, hidden[-1]) costs, a scalar, per code value."""
        if self.settings["penalty"] == "l1":
            return code.abs().mean()
        return divergence(self.activity, code.abs().mean(0)).mean()  # of (hidden[-1],)

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of the reconstruction, and the weighted penalty on the codes."""
        code = self.encode(x)  # (B, hidden[-1])
        return distance(x, self.decode(code)) + self.weight * self.penalty(code)


def divergence(wanted: float, activity: Tensor) -> Tensor:
    """Kullback-Leibler divergence in nats of Bernoulli distributions with these means from one
    with the wanted mean, same shape as the activity.
    """
    wanted = min(max(wanted, _LEAST), 1 - _LEAST)
    p = activity.clamp(_LEAST, 1 - _LEAST)
    there, away = wanted * (wanted / p).log(), (1 - wanted) * ((1 - wanted) / (1 - p)).log()
    return there + away
