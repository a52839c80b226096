"""Ladder: autoencoders for vectors, from one without any code to one that remembers records.

    rung 0  reconstructs nothing: each value in the tails of its own feature    (marginals.py)
    rung 1  linear, residual and code in their own spreads: Mahalanobis         (whitened.py)
    rung 2  remembers records, and reconstructs from those that are near        (memory.py)

How strange a record is by itself is the mean of what each rung's error is as a surprisal, -log p
(surprisal.py). An anomaly that one rung does not see, since it lies along the code, between the
clusters or in a usual place of each feature, is seen by another. A record's error is half of that,
and half how strange the records are that it is near to (neighbours.py). A mean would drown what
rung 1 alone sees, a broken law between the values: how far its surprisal is beyond what chance
brings is added. The weights are computed, in seconds; in service it is one pass, and fixed weights.

Records that should not be there teach rungs 1 and 2 to expect them. So these rest on what is left
without the strangest share, which is found in steps: first by rungs 0 and 1, then by the error,
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
from models.neighbours import Neighbours
from models.solved import Solved, unusual
from models.surprisal import Surprisals
from models.whitened import Whitened

MAX_VALUES: Final = 4096
MEMORY: Final = 160
STRANGE: Final = 96
EXCESS: Final = 2.0
MOST_EXCESS: Final = 100.0
BEYOND_CHANCE: Final = 6.0
"""Surprisal of rung 1, in nats, from which on it counts beside the mean: some 4 of a tail's mean
excesses beyond the highest 2% of the training records."""
LINEAR: Final = 1
"""The rung that this is about."""
MAX_RANK: Final = 1024
"""Directions whose spread is known each by itself; the others share one."""
RUNGS: Final = 3
STRANGEST: Final = 0.1
"""Share of the training records of which the strange neighbours are."""
_ROUNDS: Final = 3
_BLOCK: Final = 4096
"""Records at a time, in fitting."""
_TINY: Final = 1e-30
_Near = tuple[Tensor, Tensor]


class Ladder(Solved):
    """Settings: memory, how many usual records are remembered (default 160, or all if there are
    fewer); strange, how many of the strangest tenth (default 96), 0 to leave the neighbours out;
    excess, the weight of what rung 1 has beyond chance (default 2), 0 to leave it out; bottleneck,
    the length of the code that is shown (default the root of the number of values).
    """

    architecture = "ladder"
    share = 0.1

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        d, usual, strange = math.prod(spec.shape), settings["memory"], settings["strange"]
        self.marginals = Marginals(d)
        self.linear = Whitened(d, min(d, MAX_RANK))
        self.memory = Neighbours(d, usual, strange) if strange else Memory(d, usual)
        self.surprisals = Surprisals(RUNGS)

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for large records."""
        checks.known(settings, ("memory", "strange", "excess", "bottleneck"))
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
        strange = settings.get("strange", STRANGE)
        if strange != 0 or isinstance(strange, bool):
            checks.width("strange", strange)
        excess = checks.number("excess", settings.get("excess", EXCESS), MOST_EXCESS)
        return {"memory": memory, "strange": strange, "excess": excess, "bottleneck": bottleneck}

    @classmethod
    def of_before(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """As `Autoencoder.of_before`: there were no neighbours once, and nothing but a mean."""
        return {"strange": 0, "excess": 0, **settings}

    @property
    def width(self) -> int:
        """As `Solved.width`: pieces of curves, and distances to what is remembered."""
        return 8 * math.prod(self.shape) + 2 * len(self.memory.remembered)

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """As `Solved.solve`."""
        x = records.flatten(1)  # (n, d)
        self.marginals.fit(x)
        self.linear.fit(x)
        errors = torch.cat([torch.stack(self._first(block)) for block in self._blocks(x)], 1)
        self.surprisals.fit(errors)
        own = whole = self.surprisals(errors).mean(0)  # (n,)
        for _ in range(_ROUNDS):
            kept = ~unusual(whole, share)
            own, whole = self._fit_upper(x, kept, own, seed)
        if isinstance(self.memory, Neighbours) and not share:
            # Nothing is an anomaly: the strangest are normal, and whoever is near them, too.
            self.memory.ignore()
        return kept

    def errors(self, x: Tensor) -> Tensor:
        """As `Solved.errors`: in nats, >= 0."""
        flat = x.flatten(1)  # (B, d)
        energy, near = self._remembered(flat)
        surprisals = self._surprisals(flat, energy)  # (rungs, B)
        return self._whole(surprisals.mean(0), near) + self._excess(surprisals)

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Solved.element_errors`: of each rung its surprisal, as its own error is shared."""
        flat = x.flatten(1)  # (B, d)
        energy, near = self._remembered(flat)
        shares = (
            self.marginals(flat),
            self.linear.each(flat),
            (flat.clamp(-LIMIT, LIMIT) - self.memory.reconstruct(flat)).square(),
        )
        parts = torch.stack(
            [(each + _TINY) / (each + _TINY).sum(1, keepdim=True) for each in shares]
        )  # (rungs, B, d)
        surprisals = self._surprisals(flat, energy)  # (rungs, B)
        elements = ((surprisals + _TINY)[..., None] * parts).mean(0)  # (B, d)
        excess = self._excess(surprisals)  # (B,)
        elements = elements + excess[:, None] * parts[LINEAR]
        error = self._whole(surprisals.mean(0), near) + excess  # (B,)
        elements = elements / elements.mean(1, keepdim=True) * error[:, None]
        return elements.reshape(x.shape)

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of rung 1, (B, bottleneck)."""
        return self.linear.encode(x.flatten(1))[:, : self.settings["bottleneck"]]

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        return self.linear.decode(code).reshape(-1, *self.shape)

    def _first(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Errors of rungs 0 and 1, (B,) each from (B, d)."""
        return self.marginals(flat).sum(1), self.linear(flat)

    def _remembered(self, flat: Tensor) -> tuple[Tensor, _Near | None]:
        """Errors of rung 2, (B,), and of the neighbours how strange and how close they are."""
        attention = self.memory.attend(flat)
        if isinstance(self.memory, Neighbours):
            energy, strangeness, closeness = self.memory.read(attention)
            return energy, (strangeness, closeness)
        return self.memory.energy(attention), None

    def _surprisals(self, flat: Tensor, energy: Tensor) -> Tensor:
        """Surprisal of each rung, (rungs, B). energy: of the memory, (B,)."""
        surprisals: Tensor = self.surprisals((*self._first(flat), energy))
        return surprisals

    def _excess(self, surprisals: Tensor) -> Tensor:
        """What counts beside the mean, (B,) from (rungs, B)."""
        beyond = (surprisals[LINEAR] - BEYOND_CHANCE).clamp_(min=0)
        weighted: Tensor = self.settings["excess"] * beyond
        return weighted

    def _whole(self, own: Tensor, near: _Near | None) -> Tensor:
        """Errors of records, (B,). own: how strange each is by itself, (B,)."""
        if near is None or not isinstance(self.memory, Neighbours):
            return own
        return (own + self.memory.mixed(*near, own)) / 2

    def _fit_upper(self, x: Tensor, kept: Tensor, own: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Fit rungs 1 and 2 to what is kept of x (n, d), and the surprisals to all of x.

        own: how strange each record was before, (n,). Returns how strange it is by itself, and its
        error, (n,) both; what is remembered does not see itself.
        """
        self.linear.fit(x[kept])
        chosen = self._remember(x, kept, own, seed)
        errors = [
            torch.stack((*self._first(block), self.memory(block))) for block in self._blocks(x)
        ]
        of_all = torch.cat(errors, 1)  # (rungs, n)
        of_all[2, chosen] = self.memory.without_itself()
        self.surprisals.fit(of_all)
        own = self.surprisals(of_all).mean(0)  # (n,)
        if not isinstance(self.memory, Neighbours):
            return own, own
        self.memory.learn(own[chosen])
        read = [torch.stack(self.memory.read(self.memory.attend(b))) for b in self._blocks(x)]
        _, strangeness, closeness = torch.cat(read, 1)  # (n,) each
        _, strangeness[chosen], closeness[chosen] = self.memory.read(self.memory.others())
        self.memory.reach(closeness)
        return own, self._whole(own, (strangeness, closeness))

    def _remember(self, x: Tensor, kept: Tensor, own: Tensor, seed: int) -> Tensor:
        """Fill the memory; return which of x (n, d) it remembers."""
        if isinstance(self.memory, Neighbours):
            strange = unusual(own, max(STRANGEST, 1.5 / len(own)))
            chosen = self.memory.remember(x, kept & ~strange, strange, seed)
            self.settings["strange"] = len(chosen) - self.memory.usual
        else:
            chosen = kept.nonzero()[:, 0][self.memory.fit(x[kept], seed).to(x.device)]
        self.settings["memory"] = self.memory.usual
        return chosen

    @staticmethod
    def _blocks(x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, _BLOCK)
