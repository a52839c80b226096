"""Memory: remembered records, and what a record is near to.

Attention over them gives a reconstruction, a mean of those that are near; the error is the free
energy of the same attention, a soft distance to the nearest, as of a modern Hopfield network:
Ramsauer et al., Hopfield networks is all you need (ICLR 2021), equation 2. Gong et al., Memorizing
normality to detect anomaly (ICCV 2019), remember codes.
"""

from __future__ import annotations

from typing import Final

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


class Memory(nn.Module):
    """Remembers `size` records of d values, or all if there are fewer. narrow: as WIDTH."""

    def __init__(self, d: int, size: int, narrow: float = WIDTH) -> None:
        super().__init__()
        self.narrow = narrow
        self.remembered = weight(size, d)
        self.width = weight(1)
        self.usual = size
        self._derived: Derived[Tensor] = Derived(self)

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

    def scaled(self, x: Tensor) -> Tensor:
        """Return minus the squared distance to each remembered record, (B, size), in widths."""
        x = x.clamp(-LIMIT, LIMIT)
        squares = (
            self._derived.of(self._weights, self._squares) if may_keep(x) else self._squares()
        )  # (size,)
        between = torch.addmm(squares, x, self.remembered.T, beta=-1, alpha=2)  # (B, size)
        return between.sub_((x * x).sum(1, keepdim=True)).div_(self.width)

    def _weights(self) -> tuple[Tensor]:
        return (self.remembered,)

    def _squares(self) -> Tensor:
        return (self.remembered * self.remembered).sum(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the free energy of each record, (B,) from (B, d): low near what is remembered."""
        return self.energy(self.scaled(x))

    def energy(self, scaled: Tensor) -> Tensor:
        """Return the free energy, (B,). scaled: as `scaled` gives it, (B, size)."""
        return -scaled.logsumexp(1)

    def without_itself(self) -> Tensor:
        """Return the free energy of each remembered record, (size,), without its own memory."""
        return self.energy(self.others())

    def others(self) -> Tensor:
        """Return `scaled` of each remembered record, (size, size), -inf for itself."""
        return self.scaled(self.remembered).fill_diagonal_(-torch.inf)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of those usual records that are near, (B, d) from (B, d)."""
        usual = self.scaled(x)[:, : self.usual]
        return torch.softmax(usual, 1) @ self.remembered[: self.usual]
