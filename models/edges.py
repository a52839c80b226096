"""Edges: a linear autoencoder of a picture's oriented edges.

    picture -> oriented edges, unit length (oriented_edges.py) -> code of 24 -> edges

The error counts what the code leaves over, and how unusual the code itself is: the logarithm of
the residual and half that of the code's distance, in spreads of its own. As much counts how far
the edges are from those of remembered pictures (memory.py): what no code of this length tells from
the usual may still be like no picture that was seen. Edges of unit length say
nothing of three things, which are errors of their own, of less weight: how strong the edges are
(contrast), how much of the picture is fine detail (noise, blur), and how bright it is. Each is
counted as a surprisal (surprisal.py), these three only as far as they are out of the ordinary.

The weights are computed; nothing is learned by gradients. The picture that is shown as the
reconstruction is the one that the code predicts best, in least squares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from models import checks
from models.closed_form import predicting, principal
from models.input_spec import InputSpec
from models.memory import Memory
from models.oriented_edges import OrientedEdges
from models.solved import Solved, give, unusual, weight
from models.surprisal import Surprisals

MIN_SIDE: Final = 8
MAX_FEATURES: Final = 4096
CODE: Final = 24
MEMORY: Final = 512
NARROW: Final = 0.05
"""Of the memory's attention: edges of one kind differ in many places at once, so that most
distances are alike."""
ASIDES: Final = ("contrast", "detail", "brightness")
ASIDE: Final = 0.15
"""Weight of each of the three errors that edges do not show."""
USUAL: Final = math.log(20)
"""Surprisal up to which these count for nothing: nineteen in twenty normal pictures are below."""
_ROUNDS: Final = 3
_BLOCK: Final = 1000
"""Pictures at a time, in fitting."""
_LEAST: Final = 1e-9
_TINY: Final = 1e-12


class Edges(Solved):
    """Settings: bottleneck, the length of the code (default 24); memory, how many pictures are
    remembered (default 512, or all if there are fewer), 0 for none.
    """

    architecture = "edges"
    share = 0.02

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        channels, height, width = spec.shape
        self.front = OrientedEdges(height, width)
        n, code = self.front.features, settings["bottleneck"]
        self.mean = weight(n)
        self.basis = weight(n, code)
        self.spread = weight(code)
        self.rest = weight(1)
        self.usual = weight(3, 2)
        self.picture = weight(code + 1, channels * height * width)
        self.memory = Memory(n, settings["memory"], NARROW) if settings["memory"] else None
        self.surprisals = Surprisals(4 if self.memory is None else 5)

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for small pictures."""
        checks.known(settings, ("bottleneck", "memory"))
        if not spec.is_image or min(spec.shape[1:]) < MIN_SIDE:
            raise ValueError(
                f"edges needs images of at least {MIN_SIDE} x {MIN_SIDE} pixels, got records of"
                f" shape {spec.record_shape}; use ladder"
            )
        features = _features(*spec.shape[1:])
        if features > MAX_FEATURES:
            raise ValueError(
                f"images must be at most some 70 times as long as wide, got {spec.shape[1:]}"
            )
        bottleneck = checks.width("bottleneck", settings.get("bottleneck", CODE))
        if bottleneck >= features:
            raise ValueError(f"bottleneck must be below the {features} edges, got {bottleneck}")
        memory = settings.get("memory", MEMORY)
        if memory != 0 or isinstance(memory, bool):
            checks.width("memory", memory)
        return {"bottleneck": bottleneck, "memory": memory}

    @classmethod
    def of_before(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """As `Autoencoder.of_before`: there was no memory once."""
        return {"memory": 0, **settings}

    @property
    def width(self) -> int:
        """As `Solved.width`: a few pictures of gradients, and the edges."""
        remembered = 0 if self.memory is None else len(self.memory.remembered)
        return 4 * math.prod(self.shape) + 2 * (len(self.mean) + remembered)

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """As `Solved.solve`. The strangest are found again after each fit without them."""
        self.front.fit()
        blocks = [self._seen(block) for block in torch.split(records, _BLOCK)]
        edges, aside = (torch.cat(parts) for parts in zip(*blocks, strict=True))
        kept = torch.ones(len(records), dtype=torch.bool, device=records.device)
        self._fit(edges)
        for _ in range(_ROUNDS if share else 0):
            kept = ~unusual(self._base(edges), share)
            self._fit(edges[kept])
        give(self.usual, torch.stack([aside[kept].mean(0), aside[kept].std(0) + _LEAST], 1))
        give(self.picture, predicting(self._parts(edges[kept])[0], records[kept].flatten(1)))
        self.surprisals.fit(self._remember(edges, aside, kept, seed))
        return kept

    def errors(self, x: Tensor) -> Tensor:
        """As `Solved.errors`: in nats, >= 0."""
        return self._weighted(self._kinds(*self._seen(x)))

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Solved.element_errors`: where the edges are that are not as usual."""
        edges, aside = self._seen(x)
        code, residual = self._parts(edges)
        unusual_code = (code / self.spread.sqrt()) @ self.basis.T  # (B, features)
        odd = residual.square() / self.rest + 0.5 * unusual_code.square() / len(self.spread)
        where = self.front.spread(odd)[:, None].expand_as(x) + _TINY  # (B, C, H, W)
        share = where / where.mean(dim=(1, 2, 3), keepdim=True)
        return share * self._weighted(self._kinds(edges, aside))[:, None, None, None]

    def unplaced(self, x: Tensor) -> Mapping[str, Tensor]:
        """As `Scoring.unplaced`: what edges do not show, which is of the picture as a whole."""
        kinds = self._kinds(*self._seen(x))
        parts = ASIDE * self._excess(self.surprisals(kinds)) / (self._weighted(kinds) + _TINY)
        return dict(zip(ASIDES, parts, strict=True))

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of the edges, (B, bottleneck)."""
        edges, _ = self._seen(x)
        return self._parts(edges)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures that are most like those with these codes, (B, C, H, W)."""
        flat = self.picture[0] + code @ self.picture[1:]  # (B, C * H * W)
        return flat.reshape(-1, *self.shape)

    def _seen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Edges (B, features), and what they do not show: (B, 3)."""
        blurred = self.front.blurred(x)
        edges, length = self.front(blurred)
        level = x.mean(dim=(1, 2, 3))  # (B,)
        variation = (x - level[:, None, None, None]).square().mean(dim=(1, 2, 3))
        detail = (x - blurred).square().mean(dim=(1, 2, 3))
        share = ((detail + _LEAST) / (variation + _LEAST)).log()
        return edges, torch.stack([(length + _TINY).log(), share, level], 1)

    def _parts(self, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Code (B, bottleneck) and what it leaves over (B, features)."""
        centred = edges - self.mean
        code = centred @ self.basis
        return code, centred - code @ self.basis.T

    def _base(self, edges: Tensor) -> Tensor:
        """Log of the residual and half that of the code's distance, (B,)."""
        code, residual = self._parts(edges)
        over = residual.square().sum(1) / self.rest
        distance = (code.square() / self.spread).mean(1)
        return (over + _TINY).log() + 0.5 * (distance + _TINY).log()

    def _kinds(self, edges: Tensor, aside: Tensor) -> list[Tensor]:
        """The errors of each kind, (B,) each: those that edges do not show come last."""
        away = ((aside - self.usual[:, 0]) / self.usual[:, 1]).abs()  # (B, 3)
        seen = (
            [self._base(edges)] if self.memory is None else [self._base(edges), self.memory(edges)]
        )
        return [*seen, *away.unbind(1)]

    def _remember(self, edges: Tensor, aside: Tensor, kept: Tensor, seed: int) -> list[Tensor]:
        """Fill the memory from what is kept of edges (n, features); return errors of each kind.

        Of a remembered picture, its error is what it is without its own memory.
        """
        if self.memory is None:
            return self._kinds(edges, aside)
        chosen = kept.nonzero()[:, 0][self.memory.fit(edges[kept], seed).to(edges.device)]
        self.settings["memory"] = len(chosen)
        parts = zip(torch.split(edges, _BLOCK), torch.split(aside, _BLOCK), strict=True)
        blocks = [torch.stack(self._kinds(*part)) for part in parts]
        kinds = torch.cat(blocks, 1)  # (kinds, n)
        kinds[1, chosen] = self.memory.without_itself()
        return list(kinds.unbind(0))

    def _weighted(self, kinds: list[Tensor]) -> Tensor:
        surprisals = self.surprisals(kinds)
        first = surprisals[: -len(ASIDES)].mean(0)  # (B,)
        weighted: Tensor = first + ASIDE * self._excess(surprisals).sum(0)
        return weighted

    @staticmethod
    def _excess(surprisals: Tensor) -> Tensor:
        """How far each of ASIDES is out of the ordinary, (3, B)."""
        return (surprisals[-len(ASIDES) :] - USUAL).clamp(min=0)

    def _fit(self, edges: Tensor) -> None:
        """The best code of edges (n, features): their directions of largest variance."""
        mean, variance, directions = principal(edges)
        variance, code = variance.clamp(min=_LEAST), len(self.spread)
        give(self.mean, mean)
        give(self.basis, directions[:, -code:])
        give(self.spread, variance[-code:])
        give(self.rest, variance[:-code].sum()[None])


def _features(height: int, width: int) -> int:
    with torch.device("meta"):
        return OrientedEdges(height, width).features
