"""Neighbours: a memory that also says how strange the records are that a record is near to.

Anomalies of one kind lie together; odd normal records lie each by itself. So what is strange among
strange records is more likely an anomaly than what is as strange among usual ones. The strangeness
of remembered records is averaged over those that are near: Nadaraya, On estimating regression
(1964); Watson, Smooth regression analysis (1964). The strangest records are few, so that more of
them are remembered, and each counts for as many as it stands for.

Far from all that is remembered there are no neighbours, and a record's own strangeness counts for
theirs.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from models.memory import NOWHERE, Attention, Memory
from models.solved import give, weight

FAR: Final = 0.01
"""Share of the training records whose neighbours count for less than half, as too far away."""


class Neighbours(Memory):
    """Remembers `usual` records of d values and `strange` ones, or all if there are fewer."""

    def __init__(self, d: int, usual: int, strange: int) -> None:
        super().__init__(d, usual + strange)
        self.usual = usual
        self.strangeness = weight(usual + strange)
        self.stands_for = weight(2)
        self.far = weight(1)

    def remember(self, records: Tensor, usual: Tensor, strange: Tensor, seed: int) -> Tensor:
        """Remember some records (n, d) of each kind; return which, int64, the usual ones first.

        usual, strange: bool (n,), never both; one record or more is true in each.
        """
        generator = torch.Generator().manual_seed(seed)
        sizes = (self.usual, len(self.remembered) - self.usual)
        chosen, stand = [], []
        for kind, most in zip((usual, strange), sizes, strict=True):
            rows = kind.nonzero()[:, 0].cpu()
            chosen.append(rows[torch.randperm(len(rows), generator=generator)[:most]])
            stand.append(math.log(len(rows) / len(chosen[-1])))
        self.usual = len(chosen[0])
        both = torch.cat(chosen).to(records.device)
        self._keep(records[both])
        give(self.stands_for, torch.tensor(stand))
        return both

    def learn(self, strangeness: Tensor) -> None:
        """Take the strangeness of each remembered record, (size,), in nats."""
        give(self.strangeness, strangeness)

    def reach(self, closeness: Tensor) -> None:
        """Learn how far neighbours count. closeness: of the training records, (n,)."""
        least = 1 + int(FAR * (len(closeness) - 1))
        give(self.far, closeness.double().kthvalue(least).values[None])

    def ignore(self) -> None:
        """Count no neighbours at all."""
        give(self.far, torch.full((1,), NOWHERE))

    def read(self, attention: Attention) -> tuple[Tensor, Tensor, Tensor]:
        """Return the energy, the strangeness of the neighbours, how close they are: (B,) each."""
        kinds = zip(attention.logits, self._split(self.strangeness), strict=True)
        (near, weighted), (other, other_weighted) = (self._sums(*kind) for kind in kinds)
        near, other = near - attention.own, other - attention.own  # (B,) each
        for_usual, for_strange = self.stands_for.unbind()
        usual, strange = near + for_usual, other + for_strange  # (B,) each
        strangeness = other_weighted.lerp(weighted, (usual - strange).sigmoid())
        return -near, strangeness, torch.logaddexp(usual, strange)

    def _kinds(self) -> list[Tensor]:
        """As `Memory._kinds`: the usual ones, and the strange ones."""
        return self._split(self.remembered)

    def _split(self, each: Tensor) -> list[Tensor]:
        """What is of each remembered record, by kind."""
        return [each[: self.usual], each[self.usual :]]

    @staticmethod
    def _sums(logits: Tensor, strangeness: Tensor) -> tuple[Tensor, Tensor]:
        """Log of the sum over records of one kind, and the mean of their strangeness, (B,) both."""
        shares = logits.softmax(1)  # (B, k)
        # The nearest record's share is 1 to the sum of all, in its own units.
        return logits.amax(1) - shares.amax(1).log(), shares @ strangeness

    def mixed(self, strangeness: Tensor, closeness: Tensor, own: Tensor) -> Tensor:
        """Return the neighbours' strangeness, or one's own where they are far: (B,) all."""
        counts = torch.sigmoid(closeness - self.far)  # (B,)
        return own.lerp(strangeness, counts)
