"""Surprisal: an error as -log of how probable one as large is among normal errors.

Errors of different kinds become comparable, and may be averaged. Beyond the largest normal errors
it goes on growing, with the root of the distance: what is twice as far away ranks higher, and one
wild error does not drown the others. Fisher, Statistical methods for research workers (1932),
section 21.1, sums such logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

import torch
from torch import Tensor, nn

from models.derived import Derived, may_keep
from models.interpolation import Interpolated, interpolated
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
        surprisal: Tensor = inner + _beyond(errors, self.start, self.spread)
        return surprisal

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """As `_Together` has them."""
        return self.inner.at, self.inner.value, self.inner.slope, self.start, self.spread


def _beyond(errors: Tensor, start: Tensor, spread: Tensor) -> Tensor:
    """What is added beyond `start`, of the errors' shape."""
    away = ((errors - start) / spread).clamp_(min=0)
    return away / away.clamp(min=_STRAIGHT).sqrt_()


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


class _Together(NamedTuple):
    """The weights of several kinds, each with one kind a row."""

    at: Tensor
    value: Tensor
    slope: Tensor
    start: Tensor
    spread: Tensor


class Surprisals(nn.Module):
    """One of each kind of error."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.kinds = nn.ModuleList(Surprisal() for _ in range(kinds))
        self._derived: Derived[_Together] = Derived(self)

    def fit(self, errors: Iterable[Tensor]) -> None:
        """Learn what is normal of the first kinds. errors: (n,) of each."""
        for kind, error in zip(self.kinds, errors, strict=False):
            cast("Surprisal", kind).fit(error)

    def forward(self, errors: Sequence[Tensor]) -> Tensor:
        """Return the surprisals of the first kinds, (kinds, B). errors: (B,) of each."""
        if not may_keep(errors[0]):
            pairs = zip(self.kinds, errors, strict=False)
            return torch.stack([kind(error) for kind, error in pairs])
        x = torch.stack(tuple(errors))  # (kinds, B)
        curves = self._derived.of(self._weights, self._together)
        if len(x) < len(self.kinds):
            curves = _Together(*(each[: len(x)] for each in curves))
        inner = interpolated(curves.at, curves.value, curves.slope, x)
        return inner.add_(_beyond(x, curves.start, curves.spread))

    def _weights(self) -> list[Tensor]:
        return [each for kind in self.kinds for each in cast("Surprisal", kind).weights]

    def _together(self) -> _Together:
        kinds = zip(*(cast("Surprisal", kind).weights for kind in self.kinds), strict=True)
        return _Together(*(torch.stack([each.flatten() for each in kind]) for kind in kinds))
