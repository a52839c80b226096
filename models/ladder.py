"""Ladder: autoencoders for vectors, from one without any code to one that remembers records.

    rung 0  reconstructs nothing: each value in the tails of its own feature    (marginals.py)
    rung 1  linear, residual and code in their own spreads: Mahalanobis         (whitened.py)
    rung 2  remembers records, and reconstructs from those that are near        (memory.py)

A record's error is the mean of what each rung's error is as a surprisal, -log p (surprisal.py).
An anomaly that one rung does not see, since it lies along the code, between the clusters or in
a usual place of each feature, is seen by another. The weights are computed, in seconds; in
service it is one pass, and fixed weights.

Records that should not be there teach rungs 1 and 2 to expect them. So these rest on what is left
without the strangest share, which is found in steps: first by rungs 0 and 1, then by all three,
as Rousseeuw and van Driessen concentrate a covariance (A fast algorithm for the minimum covariance
determinant estimator, Technometrics 1999).
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
from models.memory import LIMIT, Memory
from models.solved import Solved, unusual
from models.surprisal import Surprisals
from models.whitened import Whitened

MAX_VALUES: Final = 4096
MEMORY: Final = 256
MAX_RANK: Final = 1024
"""Directions whose spread is known each by itself; the others share one."""
RUNGS: Final = 3
_BLOCK: Final = 4096
"""Records at a time, in fitting."""
_TINY: Final = 1e-30


class Ladder(Solved):
    """Settings: memory, how many records are remembered (default 256, or all if there are fewer);
    bottleneck, the length of the code that is shown (default the root of the number of values).
    """

    architecture = "ladder"
    share = 0.1

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        d = math.prod(spec.shape)
        self.marginals = Marginals(d)
        self.linear = Whitened(d, min(d, MAX_RANK))
        self.memory = Memory(d, settings["memory"])
        self.surprisals = Surprisals(RUNGS)

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for large records."""
        checks.known(settings, ("memory", "bottleneck"))
        d = math.prod(spec.shape)
        if d > MAX_VALUES:
            raise ValueError(
                f"ladder must be given records of at most {MAX_VALUES:,} values, got {d:,}; use"
                " dense"
            )
        bottleneck = settings.get("bottleneck", min(64, math.isqrt(d)))
        if checks.width("bottleneck", bottleneck) > min(d, MAX_RANK):
            raise ValueError(
                f"bottleneck must be at most {min(d, MAX_RANK)} for records of {d} values, got"
                f" {bottleneck}"
            )
        memory = checks.width("memory", settings.get("memory", MEMORY))
        return {"memory": memory, "bottleneck": bottleneck}

    @property
    def width(self) -> int:
        """As `Solved.width`: pieces of curves, and distances to what is remembered."""
        return 8 * math.prod(self.shape) + 2 * len(self.memory.remembered)

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """As `Solved.solve`."""
        x = records.flatten(1)  # (n, d)
        kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self.marginals.fit(x)
        self.linear.fit(x)
        if share:
            self._calibrate(x, RUNGS - 1)
            kept = ~unusual(self._strangeness(x, RUNGS - 1), share)
            self._fit_upper(x, kept, seed)
            kept = ~unusual(self._strangeness(x, RUNGS), share)
        self._fit_upper(x, kept, seed)
        return kept

    def errors(self, x: Tensor) -> Tensor:
        """As `Solved.errors`: in nats, >= 0."""
        return self._surprisals(x.flatten(1)).mean(0)

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Solved.element_errors`: of each rung its surprisal, as its own error is shared."""
        flat = x.flatten(1)  # (B, d)
        shares = (
            self.marginals(flat),
            self.linear.each(flat),
            (flat.clamp(-LIMIT, LIMIT) - self.memory.reconstruct(flat)).square(),
        )
        parts = torch.stack(
            [(each + _TINY) / (each + _TINY).sum(1, keepdim=True) for each in shares]
        )
        surprisals = self._surprisals(flat)[..., None]  # (rungs, B, 1)
        elements: Tensor = (surprisals * parts).mean(0) * flat.shape[1]  # (B, d)
        return elements.reshape(x.shape)

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of rung 1, (B, bottleneck)."""
        return self.linear.encode(x.flatten(1))[:, : self.settings["bottleneck"]]

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        return self.linear.decode(code).reshape(-1, *self.shape)

    def _surprisals(self, flat: Tensor) -> Tensor:
        """Surprisal of each rung, (rungs, B) from (B, d)."""
        return torch.stack(self.surprisals(self._rungs(flat)))

    def _rungs(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Errors of each rung, (B,) each from (B, d)."""
        return self.marginals(flat).sum(1), self.linear(flat), self.memory(flat)

    def _fit_upper(self, x: Tensor, kept: Tensor, seed: int) -> None:
        """Fit rungs 1 and 2 to what is kept of x (n, d), and all surprisals to all of x."""
        self.linear.fit(x[kept])
        chosen = self.memory.fit(x[kept], seed)
        self.settings["memory"] = len(chosen)
        remembered = kept.nonzero()[:, 0][chosen.to(x.device)]
        self._calibrate(x, RUNGS, remembered)

    def _calibrate(self, x: Tensor, rungs: int, remembered: Tensor | None = None) -> None:
        errors = self._in_blocks(x)
        if remembered is not None:
            errors[2, remembered] = self.memory.without_itself()
        self.surprisals.fit(errors[:rungs])

    def _strangeness(self, x: Tensor, rungs: int) -> Tensor:
        """Sum of the surprisals of the first rungs, (n,)."""
        return torch.stack(self.surprisals(self._in_blocks(x)[:rungs])).sum(0)

    def _in_blocks(self, x: Tensor) -> Tensor:
        """Errors of each rung, (rungs, n)."""
        blocks = [torch.stack(self._rungs(block)) for block in torch.split(x, _BLOCK)]
        return torch.cat(blocks, 1)
