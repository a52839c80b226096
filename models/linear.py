"""Linear: an autoencoder that is solved, and whose error counts residual and code alike.

    d -> the d directions of largest variance (at most 1,024), the first of them the code -> d

The residual of a linear autoencoder is blind to what lies far out along the code. Here each
direction counts in its own spread: the error is the Mahalanobis distance (whitened.py) as a
surprisal (surprisal.py). It costs one product of matrices a record, about what the forward pass of
`dense` costs. It does not see what lies between clusters: `ladder` does.

The strangest share teaches it nothing. It is found, and found again under what was learned without
it, as Rousseeuw and van Driessen concentrate a covariance (A fast algorithm for the minimum
covariance determinant estimator, Technometrics 1999). As much as the distance counts how far each
value lies in the tails of its own feature (marginals.py): of few records each is about as far from
the others as any, since their directions follow it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from models import checks
from models.input_spec import InputSpec
from models.marginals import Marginals
from models.solved import Solved, give, unusual, weight
from models.surprisal import Surprisal, Surprisals
from models.whitened import Whitened

MAX_VALUES: Final = 4096
MAX_RANK: Final = 1024
"""Directions whose spread is known each by itself; the others share one."""
_ROUNDS: Final = 2
_BLOCK: Final = 4096
"""Records at a time, in fitting."""
_TINY: Final = 1e-30


class Linear(Solved):
    """Settings: bottleneck, the length of the code that is shown (default the root of the number
    of values, at most 64).
    """

    architecture = "linear"
    share = 0.1

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        d = math.prod(spec.shape)
        rank = min(d, MAX_RANK)
        self.linear = Whitened(d, rank)
        self.spread = weight(d, rank)
        self.origin = weight(rank)
        self.surprisal = Surprisal()

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for large records."""
        checks.known(settings, ("bottleneck",))
        d = math.prod(spec.shape)
        if d > MAX_VALUES:
            raise ValueError(
                f"linear must be given records of at most {MAX_VALUES:,} values, got {d:,}; use"
                " dense"
            )
        bottleneck = checks.width("bottleneck", settings.get("bottleneck", min(64, math.isqrt(d))))
        if bottleneck > min(d, MAX_RANK):
            raise ValueError(
                f"bottleneck must be at most {min(d, MAX_RANK)} for records of {d} values, got"
                f" {bottleneck}"
            )
        return {"bottleneck": bottleneck}

    @property
    def width(self) -> int:
        """As `Solved.width`: one value a direction."""
        return len(self.origin)

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """As `Solved.solve`."""
        x = records.flatten(1)  # (n, d)
        kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self._fit(x)
        if share:
            tails = Marginals(x.shape[1]).to(x.device)
            tails.fit(x)
            of_values = torch.cat([tails(block).sum(1) for block in torch.split(x, _BLOCK)])
            for _ in range(_ROUNDS):
                kept = ~unusual(self._strangeness(self._in_blocks(x), of_values), share)
                self._fit(x[kept])
        self.surprisal.fit(self._in_blocks(x))
        return kept

    def errors(self, x: Tensor) -> Tensor:
        """As `Solved.errors`: in nats, >= 0."""
        surprisal: Tensor = self.surprisal(self._distances(x.flatten(1)))  # (B,)
        return surprisal

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Solved.element_errors`."""
        each = self.linear.each(x.flatten(1)) + _TINY  # (B, d)
        shares = each / each.mean(1, keepdim=True)
        return (shares * self.errors(x)[:, None]).reshape(x.shape)

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes, (B, bottleneck)."""
        return self.linear.encode(x.flatten(1))[:, : self.settings["bottleneck"]]

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        return self.linear.decode(code).reshape(-1, *self.shape)

    def _fit(self, x: Tensor) -> None:
        """Learn from records (n, d)."""
        self.linear.fit(x)
        spread = self.linear.basis.double() * self.linear.gain.double()
        give(self.spread, spread)
        give(self.origin, -(self.linear.mean.double() @ spread))

    def _distances(self, flat: Tensor) -> Tensor:
        """Squared distances, (B,) from (B, d)."""
        if len(self.origin) < flat.shape[1]:
            distances: Tensor = self.linear(flat)
            return distances
        # As whitened.py has it, in one product.
        return torch.addmm(self.origin, flat, self.spread).square_().sum(1)

    @staticmethod
    def _strangeness(*errors: Tensor) -> Tensor:
        """The mean surprisal of errors of several kinds among themselves, (n,) from (n,) each."""
        surprisals = Surprisals(len(errors)).to(errors[0].device)
        surprisals.fit(errors)
        mean: Tensor = surprisals(errors).mean(0)
        return mean

    def _in_blocks(self, x: Tensor) -> Tensor:
        """Squared distances, (n,)."""
        return torch.cat([self._distances(block) for block in torch.split(x, _BLOCK)])
