"""Surprisal: an error as -log of how probable one as large is among normal errors.

Errors of different kinds become comparable, and may be averaged. Beyond the largest normal errors
it goes on growing, with the root of the distance: what is twice as far away ranks higher, and one
wild error does not drown the others. Fisher, Statistical methods for research workers (1932),
section 21.1, sums such logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

import torch
from torch import Tensor, nn

from models.interpolation import Interpolated
from models.solved import give, weight

POINTS: Final = 128
_TAIL: Final = 50
"""One in so many of the errors is above where the root begins."""
_FEWEST: Final = 5
_STRAIGHT: Final = 0.01
"""Distance up to which there is a line in place of the root, which is too steep to begin with: a
record's surprisal would depend on how its sums were rounded."""
_APART: Final = 2e-3
"""Relative distance of errors between which the curve is drawn."""
_LEAST: Final = 1e-6
"""Spread of errors that are all the same, relative to them."""


class Surprisal(nn.Module):
    """Maps errors to -log(p), >= 0 and rising."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Interpolated(1, POINTS)
        self.start = weight(1)
        self.spread = weight(1)

    def fit(self, errors: Tensor) -> None:
        """Learn what is normal. errors: (n,), n >= 10."""
        ranked = errors.double().sort().values
        n = len(ranked)
        above = min(n - 1, max(_FEWEST, n // _TAIL))
        ranks = _ranks(ranked, n - above)
        # Of equal errors each is as probable as the first.
        first = torch.searchsorted(ranked, ranked[ranks])
        value = -((n - first + 1) / (n + 1)).log()
        self.inner.fit(ranked[ranks][None], value[None], 0.0, 0.0)
        start = ranked[n - above]
        spread = (ranked[n - above :] - start).mean()
        give(self.start, start[None])
        give(self.spread, spread.clamp(min=_LEAST * max(1.0, abs(float(start))))[None])

    def forward(self, errors: Tensor) -> Tensor:
        """Return the surprisal of each error, (B,) both."""
        inner = self.inner(errors[:, None])[:, 0]  # (B,)
        away = ((errors - self.start) / self.spread).clamp(min=0)  # (B,)
        surprisal: Tensor = inner + away / away.clamp(min=_STRAIGHT).sqrt()
        return surprisal


def _ranks(ranked: Tensor, last: int) -> Tensor:
    """POINTS ranks from 0 to `last`, ascending, of errors (n,) that are clearly apart.

    Between errors that float32 hardly tells apart the curve would be a step, and a record's
    surprisal would depend on how its sums were rounded.
    """
    ranks = torch.linspace(0, last, POINTS, dtype=torch.float64).long().tolist()
    kept = [0]
    for rank in ranks:
        gap = float(ranked[rank] - ranked[kept[-1]])
        if gap > _APART * abs(float(ranked[rank])):
            kept.append(rank)
    return torch.tensor(kept + kept[-1:] * (POINTS - len(kept)))


class Surprisals(nn.Module):
    """One of each kind of error."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.kinds = nn.ModuleList(Surprisal() for _ in range(kinds))

    def fit(self, errors: Iterable[Tensor]) -> None:
        """Learn what is normal of the first kinds. errors: (n,) of each."""
        for kind, error in zip(self.kinds, errors, strict=False):
            cast("Surprisal", kind).fit(error)

    def forward(self, errors: Iterable[Tensor]) -> list[Tensor]:
        """Return the surprisals of the first kinds, (B,) each. errors: (B,) of each."""
        return [kind(error) for kind, error in zip(self.kinds, errors, strict=False)]
