"""Memory: remembered records, and what a record is near to.

Attention over them gives a reconstruction, a mean of those that are near; the error is the free
energy of the same attention, a soft distance to the nearest, as of a modern Hopfield network:
Ramsauer et al., Hopfield networks is all you need (ICLR 2021), equation 2. Gong et al., Memorizing
normality to detect anomaly (ICCV 2019), remember codes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from models.derived import Derived, may_keep
from models.solved import give, weight

WIDTH: Final = 0.15
"""Of the attention: share of the usual squared distance between two records."""
LIMIT: Final = 4.0
"""Values count up to here, in standard deviations: one wild value is for the marginal tails."""
_PAIRS: Final = 300
"""Records whose distances say what is usual."""
_LEAST: Final = 1e-6
NOWHERE: Final = 1e30
"""Nothing is so close, or so far."""


class Attention(NamedTuple):
    """Of records, to those that are remembered: logits of each kind, (B, k), and own, (B,).

    Minus the squared distance, in widths, is logits - own[:, None].
    """

    logits: list[Tensor]
    own: Tensor


class Memory(nn.Module):
    """Remembers `size` records of d values, or all if there are fewer. narrow: as WIDTH."""

    def __init__(self, d: int, size: int, narrow: float = WIDTH) -> None:
        super().__init__()
        self.narrow = narrow
        self.remembered = weight(size, d)
        self.width = weight(1)
        self.usual = size
        self._derived: Derived[list[tuple[Tensor, Tensor]]] = Derived(self)

    def fit(self, records: Tensor, seed: int) -> Tensor:
        """Remember some of the records (n, d); return which, int64 (size,)."""
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(records), generator=generator)[: len(self.remembered)]
        self.usual = len(chosen)
        self._keep(records[chosen])
        return chosen

    def _keep(self, records: Tensor) -> None:
        """Remember these (size, d); the usual ones, which are the first, say what is usual."""
        kept = records.float().clamp(-LIMIT, LIMIT)
        few = kept[: min(self.usual, _PAIRS)].double()
        between = torch.cdist(few, few).square().flatten()
        give(self.width, (self.narrow * between.median()).clamp(min=_LEAST)[None])
        give(self.remembered, kept)

    def attend(self, x: Tensor) -> Attention:
        """What the attention is made of, for records (B, d)."""
        x = x.clamp(-LIMIT, LIMIT)
        keys = self._derived.of(self._weights, self._keys) if may_keep(x) else self._keys()
        logits = [torch.addmm(lacking, x, key) for key, lacking in keys]
        return Attention(logits, (x * x).sum(1) / self.width)

    def _kinds(self) -> list[Tensor]:
        """The remembered records of each kind, (k, d): those that are usual first."""
        return [self.remembered]

    def _weights(self) -> tuple[Tensor, ...]:
        return self.remembered, self.width

    def _keys(self) -> list[tuple[Tensor, Tensor]]:
        """Of each kind, (d, k) and (k,): what makes logits of records in one product."""
        return [
            ((each * (2 / self.width)).T.contiguous(), -(each * each).sum(1) / self.width)
            for each in self._kinds()
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Return the free energy of each record, (B,) from (B, d): low near what is remembered."""
        return self.energy(self.attend(x))

    def energy(self, attention: Attention) -> Tensor:
        """Return the free energy among the usual ones, (B,)."""
        return attention.own - attention.logits[0].logsumexp(1)

    def without_itself(self) -> Tensor:
        """Return the free energy of each remembered record, (size,), without its own memory."""
        return self.energy(self.others())

    def others(self) -> Attention:
        """What `attend` gives for each remembered record, which is nowhere near itself."""
        attention = self.attend(self.remembered)
        first = 0
        for logits in attention.logits:
            logits[first:].fill_diagonal_(-NOWHERE)
            first += logits.shape[1]
        return attention

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of those usual records that are near, (B, d) from (B, d)."""
        return torch.softmax(self.attend(x).logits[0], 1) @ self._kinds()[0]
