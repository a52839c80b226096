"""Views: the scalars of a record that are watched one by one, beside its reconstruction error.

    short vectors    each input and its signed residual (record - reconstruction), by feature
    long vectors     the first principal directions of the inputs and of the residuals
    series           mean, spread and mean residual of each channel over the window
    images           brightness, contrast, sharpness, 4 x 4 cells of brightness and of residual
    all              the values of the code and its distance from the usual codes

Inputs and residuals are in units of the normalisation. They are computed where the forward pass
is, and from what any autoencoder has: its code and its reconstruction. What a model cannot give,
a code that is no list of numbers, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.network import Network

LONGEST: Final = 256
"""Features of a vector up to which each one is watched."""
CODES: Final = 64
"""Values of a code up to which each one is watched."""
DIRECTIONS: Final = 32
DIRECTED: Final = 1 << 16
"""Features of a vector up to which directions are looked for: they are kept in the bundle."""
GRID: Final = 4
FITTED: Final = 4096
"""Training records that the usual codes and the directions are taken from."""
FARTHEST: Final = 1e30
"""Where a view that is not finite is put."""
_SMALLEST_SHARE: Final = 1e-6
"""Variances of the code below this share of the largest count as this share."""

Fit = Mapping[str, Tensor]


class View(NamedTuple):
    """What a view is of. feature: the name of its feature, or "" if it is of no single one.

    group: one of `channel_groups.GROUPS`.
    """

    name: str
    group: str
    feature: str = ""


@dataclass(frozen=True, eq=False)
class Views:
    """The views of one model. fit: what was learned for them; `fitted` says which tensors."""

    spec: InputSpec
    fit: Fit

    @property
    def all(self) -> tuple[View, ...]:
        """Every view, in the order of `Seen`."""
        return (*_of_records(self.spec, self.fit), *_of_codes(self.fit["code_mean"].numel()))

    def on(self, model: Autoencoder, device: torch.device) -> Seen:
        """What computes them for a model that is on a device."""
        return Seen(model, self, device)

    @classmethod
    def fitted(cls, model: Autoencoder, spec: InputSpec, records: NDArray[Any]) -> Self:
        """The views of a model, learned from some of its training records (n, *record_shape).

        Not from those that calibrate: they are to be as new to the views as the stream is.
        """
        device = next(model.parameters()).device
        step = max(1, -(-len(records) // FITTED))
        x = torch.from_numpy(spec.prepare(records[::step])).to(device)
        with torch.inference_mode():
            model.eval()
            codes = _codes(model, x)
            made = model(x) if _is_long(spec) else x
        mean, whitening = _usual(np.empty((0, 0)) if codes is None else codes.cpu().numpy())
        fit = {"code_mean": mean, "code_whitening": whitening}
        if _is_long(spec):
            fit["input_directions"] = _directions(x.cpu().numpy())
            fit["residual_directions"] = _directions((x - made).cpu().numpy())
        return cls(spec, {name: torch.from_numpy(each) for name, each in fit.items()})


class Seen:
    """Computes the views of records. Not for several threads at a time."""

    def __init__(self, model: Autoencoder, views: Views, device: torch.device) -> None:
        self._spec = views.spec
        self.width = len(views.all)
        self._fit = {name: each.to(device) for name, each in views.fit.items()}
        coded = self._fit["code_mean"].numel() > 0
        self._encoder = Network(_Encoder(model)) if coded else None  # type: ignore[arg-type]

    def reserve(self, rows: int) -> None:
        """Have memory for batches of up to so many rows."""
        if self._encoder is not None:
            self._encoder.reserve(rows)

    def __call__(self, x: Tensor, made: Tensor) -> Tensor:
        """The views of records, float32 (b, width), finite.

        x, made: records, normalised, and their reconstructions, (b, *shape) both.
        """
        parts = self._of_records(x, made.reshape(x.shape))
        if self._encoder is not None:
            code = self._encoder(x)  # (b, code)
            far = (code - self._fit["code_mean"]) @ self._fit["code_whitening"]
            distance = far.square().mean(1, keepdim=True).sqrt()
            parts += [code, distance] if code.shape[1] <= CODES else [distance]
        return torch.nan_to_num(torch.cat(parts, 1), FARTHEST, FARTHEST, -FARTHEST)

    def _of_records(self, x: Tensor, made: Tensor) -> list[Tensor]:
        residual = x - made
        if self._spec.is_image:
            return _of_images(x, residual)
        if self._spec.layout == "series":
            return [x.mean(2), x.std(2, correction=0), residual.mean(2)]  # (b, C) each
        if not _is_long(self._spec):
            return [x, residual]
        directions = self._fit["input_directions"], self._fit["residual_directions"]
        return [x @ directions[0], residual @ directions[1]]  # (b, DIRECTIONS) each


class _Encoder(nn.Module):
    """The way to the code, as a module."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The codes of x."""
        return self.model.encode(x)


def _codes(model: Autoencoder, x: Tensor) -> Tensor | None:
    """Codes (n, k), or None if the model has none of this form."""
    try:
        found: Any = [model.encode(part) for part in torch.split(x, 512)]
    except NotImplementedError:
        return None
    if not all(isinstance(each, Tensor) and each.ndim == 2 for each in found):
        return None
    return torch.cat(found)


def _of_images(x: Tensor, residual: Tensor) -> list[Tensor]:
    grey = x.mean(1, keepdim=True)  # (b, 1, H, W)
    flat = grey.flatten(1)
    down, right = grey.diff(dim=2).abs().flatten(1), grey.diff(dim=3).abs().flatten(1)
    edges = torch.cat([down, right], 1) if down.shape[1] + right.shape[1] else flat * 0
    brightness, contrast = flat.mean(1, keepdim=True), flat.std(1, correction=0, keepdim=True)
    pooled = nn.functional.adaptive_avg_pool2d
    cells = pooled(grey, GRID).flatten(1)  # (b, 16)
    squares = residual.square().mean(1, keepdim=True)
    return [brightness, contrast, edges.mean(1, keepdim=True), cells,
            pooled(squares, GRID).flatten(1)]  # fmt: skip


def _is_long(spec: InputSpec) -> bool:
    return spec.layout == "vector" and spec.shape[0] > LONGEST


def _of_records(spec: InputSpec, fit: Fit) -> list[View]:
    if spec.is_image:
        places = [f"row {1 + i // GRID}, column {1 + i % GRID}" for i in range(GRID * GRID)]
        return [
            *(View(name, "picture") for name in ("brightness", "contrast", "sharpness")),
            *(View(f"brightness at {place}", "cell") for place in places),
            *(View(f"residual at {place}", "cell") for place in places),
        ]
    names = spec.columns or tuple(f"feature {i}" for i in range(spec.shape[0]))
    if spec.layout == "series":
        return [View(f"{n}{what}", "series", n) for what in ("", " spread", " residual")
                for n in names]  # fmt: skip
    if not _is_long(spec):
        return [
            *(View(name, "input", name) for name in names),
            *(View(f"{name} residual", "residual", name) for name in names),
        ]
    return [
        View(f"{what} direction {i + 1}", "direction")
        for what in ("input", "residual")
        for i in range(fit[f"{what}_directions"].shape[1])
    ]


def _of_codes(width: int) -> list[View]:
    if not width:
        return []
    each = [View(f"code {i + 1}", "code") for i in range(width if width <= CODES else 0)]
    return [*each, View("code distance", "distance")]


def _usual(codes: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (k,) of codes (n, k), and what makes them uncorrelated with variance 1, (k, k)."""
    if not codes.size:
        return np.zeros(0, dtype=np.float32), np.zeros((0, 0), dtype=np.float32)
    wide = codes.astype(np.float64)
    mean = wide.mean(axis=0)
    variances, axes = np.linalg.eigh((wide - mean).T @ (wide - mean) / len(wide))
    least = max(float(variances[-1]) * _SMALLEST_SHARE, 1e-12)
    whitening = axes / np.sqrt(np.maximum(variances, least))
    return mean.astype(np.float32), whitening.astype(np.float32)


def _directions(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The principal directions of rows (n, d), (d, at most DIRECTIONS)."""
    if rows.shape[1] > DIRECTED:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    some = rows[: FITTED // 4].astype(np.float64)
    _, _, axes = np.linalg.svd(some - some.mean(axis=0), full_matrices=False)
    return axes[:DIRECTIONS].T.astype(np.float32).copy()
