"""Patches: a picture is as strange as its strangest part.

A mean over all pixels hides a small fault: a scratch on a large picture changes it less than one
good picture differs from the next. Here each small part is compared with what is usual, at several
sizes and in two ways (local_patches.py), and the strangest place of each counts as a surprisal
(surprisal.py). The error is the largest of these. It suits textures, and pictures of a camera that
stands still; of objects that differ, parts say little of the whole, and edges.py says more.

The weights are computed; nothing is learned by gradients. The code, and the picture that is shown
as the reconstruction, are those of a linear autoencoder of small copies of the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from models import checks
from models.closed_form import predicting, principal
from models.input_spec import InputSpec
from models.local_patches import MIN_SIDE, LocalPatches
from models.solved import Solved, give, unusual, weight
from models.surprisal import Surprisals

CODE: Final = 16
_SMALL: Final = 8
"""Pixels a side of the small copies, or what a picture has."""
_ROUNDS: Final = 2
_BLOCK: Final = 64
"""Pictures at a time, in fitting."""
_HIGH: Final = 0.95
"""Quantile of the strangest places of normal pictures that is one unit above their median."""
_RIDGE: Final = 1e-6
_TINY: Final = 1e-9


class Patches(Solved):
    """Settings: bottleneck, the length of the code that is shown (default 16)."""

    architecture = "patches"
    share = 0.02

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        channels, height, width = spec.shape
        small, code = _small(spec), settings["bottleneck"]
        self.local = LocalPatches(channels, height, width)
        kinds = len(self.local.maps)
        self.surprisals = Surprisals(kinds)
        self.middle = weight(kinds)
        self.unit = weight(kinds)
        self.mean = weight(math.prod(small))
        self.basis = weight(math.prod(small), code)
        self.picture = weight(code + 1, math.prod(spec.shape))

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for small pictures."""
        checks.known(settings, ("bottleneck",))
        if not spec.is_image or min(spec.shape[1:]) < MIN_SIDE:
            raise ValueError(
                f"patches needs images of at least {MIN_SIDE} x {MIN_SIDE} pixels, got records of"
                f" shape {spec.record_shape}; use ladder"
            )
        bottleneck = checks.width("bottleneck", settings.get("bottleneck", CODE))
        if bottleneck > math.prod(_small(spec)):
            raise ValueError(
                f"bottleneck must be at most {math.prod(_small(spec))}, got {bottleneck}"
            )
        return {"bottleneck": bottleneck}

    @property
    def width(self) -> int:
        """As `Solved.width`: the patches."""
        return 2 * self.local.values

    def solve(self, records: Tensor, share: float, seed: int) -> Tensor:
        """As `Solved.solve`. The strangest are found again after each fit without them."""
        kept = torch.ones(len(records), dtype=torch.bool, device=records.device)
        kinds = self._fit(records, kept, seed)
        for _ in range(_ROUNDS if share else 0):
            kept = ~unusual(self._largest(kinds), share)
            kinds = self._fit(records, kept, seed)
        middle = kinds[:, kept].median(1).values
        give(self.middle, middle)
        high = kinds[:, kept].double().quantile(_HIGH, 1)
        give(self.unit, (high - middle).clamp(min=_RIDGE))
        self._fit_picture(records[kept])
        return kept

    def errors(self, x: Tensor) -> Tensor:
        """As `Solved.errors`: in nats, >= 0."""
        return self._largest(self.local(x))

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Solved.element_errors`: where places are stranger than the usual strangest."""
        away = self.local.per_pixel(x, self.middle, self.unit)  # (B, H, W)
        # Soft below: where nothing is strange, the map still shows what is strangest.
        where = functional.softplus(away + 1).square()[:, None].expand_as(x) + _TINY
        share = where / where.mean(dim=(1, 2, 3), keepdim=True)
        return share * self.errors(x)[:, None, None, None]

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of small copies, (B, bottleneck)."""
        return (self._copies(x) - self.mean) @ self.basis

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures that are most like those with these codes, (B, C, H, W)."""
        flat = self.picture[0] + code @ self.picture[1:]  # (B, C * H * W)
        return flat.reshape(-1, *self.shape)

    def _fit(self, records: Tensor, kept: Tensor, seed: int) -> Tensor:
        """Fit to what is kept of records (n, C, H, W); return all strangest places, (maps, n)."""
        self.local.fit(records[kept], seed)
        kinds = torch.cat([self.local(block) for block in torch.split(records, _BLOCK)], 1)
        self.surprisals.fit(kinds[:, kept])
        return kinds

    def _largest(self, kinds: Tensor) -> Tensor:
        """Errors (B,) from strangest places (maps, B)."""
        largest: Tensor = self.surprisals(kinds.unbind(0)).amax(0)
        return largest

    def _fit_picture(self, pictures: Tensor) -> None:
        """The directions of largest variance, and the best prediction of pictures from them."""
        copies = torch.cat([self._copies(block) for block in torch.split(pictures, _BLOCK)])
        mean, _, directions = principal(copies)
        give(self.mean, mean)
        give(self.basis, directions[:, -self.settings["bottleneck"] :])
        give(self.picture, predicting((copies - self.mean) @ self.basis, pictures.flatten(1)))

    @staticmethod
    def _copies(pictures: Tensor) -> Tensor:
        """Small copies of pictures (B, C, H, W), as rows (B, d)."""
        rows, columns = (math.ceil(n / _SMALL) for n in pictures.shape[2:])
        copies = functional.avg_pool2d(
            pictures, (rows, columns), ceil_mode=True, count_include_pad=False
        )
        return copies.flatten(1)


def _small(spec: InputSpec) -> tuple[int, int, int]:
    """Shape of the small copies."""
    channels, height, width = spec.shape
    rows, columns = (math.ceil(n / math.ceil(n / _SMALL)) for n in (height, width))
    return channels, rows, columns
