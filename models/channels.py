"""Channels: what is usual for each view of a record, measured on calibration records.

    channels.safetensors    the values of each view on calibration records, and what views need
    bundle.json, channels   the names and groups

A view that does not vary beyond the rounding of float32 is left out, since another machine rounds
otherwise; an input that does not vary is kept, for it is not computed. Bounded: at most MOST_ROWS
records, and MOST_VALUES values in all (16 MiB).

Channels that swing over the day or week, or that depend on a column, are judged by the hour or by
that column, if that was asked for: `channel_context.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from models import bundle_files
from models.autoencoder import Autoencoder
from models.channel_context import TENSORS, ChannelContext
from models.context_column import ContextColumn
from models.engines import engine_for
from models.input_spec import InputSpec
from models.views import View, Views

MOST_ROWS: Final = 20_000
MOST_VALUES: Final = 1 << 22
STRETCH: Final = 5_000
"""Consecutive records that are kept together where the order tells how neighbours depend."""
ROUNDING: Final = 1e-4
"""Of the usual size of a view: a spread less than that may be rounding alone."""
FITTED_TENSORS: Final[tuple[str, ...]] = (
    "code_mean", "code_whitening", "input_directions", "residual_directions"
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of a model.

    views: what they are of, all of the model's. kept: int64 (C,), those that are channels, in
    order. values: float32 (C, n), on calibration records, finite. ordered: these are in the order
    of the stream. context: of channels that are judged by the hour, or None; their values are as at
    a usual time, each by functions that were fitted without it.
    """

    views: Views
    kept: NDArray[np.int64]
    values: NDArray[np.float32]
    ordered: bool
    context: ChannelContext | None = None

    @property
    def each(self) -> tuple[View, ...]:
        """What each channel is of."""
        views = self.views.all
        return tuple(views[i] for i in self.kept.tolist())

    @property
    def units(self) -> NDArray[np.float64]:
        """Offset and scale, (C, 2), that make a channel's value one in the unit of its feature."""
        spec, count = self.views.spec, self.views.spec.shape[0]
        units = np.tile([0.0, 1.0], (len(self.kept), 1))
        for row, (at, view) in enumerate(zip(self.kept.tolist(), self.each, strict=True)):
            if view.group in ("input", "residual"):
                offset = spec.offset[at] if view.group == "input" else 0.0
                units[row] = offset, spec.scale[at % count]
        return units

    def matching(self, patterns: Sequence[str]) -> Self:
        """Those of which the name or the group matches any of the patterns (as in a shell)."""
        found = [
            row
            for row, view in enumerate(self.each)
            if any(fnmatchcase(text, p) for p in patterns for text in (view.name, view.group))
        ]
        rows = np.array(found, dtype=np.int64)
        context = None if self.context is None else self.context.of(rows)
        return replace(self, kept=self.kept[rows], values=self.values[rows], context=context)

    @classmethod
    def calibrate(
        cls,
        model: Autoencoder,
        spec: InputSpec,
        metric: str,
        training: NDArray[Any],
        held_out: NDArray[Any],
        *,
        ordered: bool,
    ) -> Self | None:
        """The channels of a trained model; None if nothing of it varies.

        training, held_out: records (n, *record_shape) that trained it, and that calibrate it.
        """
        views = Views.fitted(model, spec, training)
        rows = kept_rows(len(held_out), len(views.all), ordered=ordered)
        engine = engine_for(model, spec, metric, views=views)
        values = engine.with_views(held_out[rows])[1].T.copy()
        usable = np.array([_usable(*pair) for pair in zip(views.all, values, strict=True)])
        kept = usable.nonzero()[0].astype(np.int64)
        return cls(views, kept, values[kept], ordered) if kept.size else None

    def tensors(self) -> bytes:
        """The bytes of their file."""
        tensors = {"values": torch.tensor(self.values), "kept": torch.tensor(self.kept)}
        fit = {name: each.contiguous() for name, each in self.views.fit.items()}
        of_hours = {} if self.context is None else self.context.tensors()
        return safetensors.torch.save({**tensors, **fit, **of_hours})

    def described(self) -> dict[str, Any]:
        """What bundle.json says of them."""
        return {
            "names": [view.name for view in self.each],
            "groups": [view.group for view in self.each],
            "count": int(self.values.shape[1]),
            "ordered": self.ordered,
            **({} if self.context is None else {"context": self.context.kind}),
        }

    @classmethod
    def read(
        cls,
        document: Mapping[str, Any],
        spec: InputSpec,
        path: Path,
        data: bytes,
        column: ContextColumn | None = None,
    ) -> Self:
        """What `tensors` and `described` were called on. column: of the model's context, if it is
        by one. Raises BundleError."""
        tensors = bundle_files.tensors(path, data)
        fit = {name: tensors[name] for name in FITTED_TENSORS if name in tensors}
        of_hours = TENSORS if "context" in document else {}
        if set(tensors) != {"values", "kept", *fit, *of_hours} or not _fits(spec, tensors):
            raise bundle_files.damaged(path, "it does not hold the channels of this model")
        values, kept = tensors["values"].numpy(), tensors["kept"].numpy()
        views = Views(spec, fit)
        if not _are_channels(values, kept, len(views.all)):
            raise bundle_files.damaged(path, "its values are not those of channels")
        context = None
        if of_hours:
            try:
                context = ChannelContext.read(tensors, len(kept), column)
            except ValueError as error:
                raise bundle_files.damaged(path, str(error)) from None
        channels = cls(views, kept, values, document.get("ordered") is True, context)
        if channels.described() != document:
            raise bundle_files.damaged(path, f"it does not match {bundle_files.MANIFEST}")
        return channels


def kept_rows(count: int, views: int, *, ordered: bool) -> NDArray[np.int64]:
    """Which of so many calibration records are kept: evenly spread ones, or stretches of them."""
    most = max(1, min(count, MOST_ROWS, MOST_VALUES // max(views, 1)))
    if not ordered or most == count:
        return np.linspace(0, count - 1, most).round().astype(np.int64)
    stretches = max(1, most // STRETCH)
    length = most // stretches
    starts = np.linspace(0, count - length, stretches).round().astype(np.int64)
    return (starts[:, None] + np.arange(length)).ravel()


def _usable(view: View, values: NDArray[np.float32]) -> bool:
    if view.group == "input":
        return True
    low, high = np.quantile(values, [0.01, 0.99])
    size = 1.0 if view.group == "residual" else float(np.quantile(np.abs(values), 0.9))
    return bool(high - low > ROUNDING * size)


def _fits(spec: InputSpec, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether the tensors are of the types and shapes that views of such records have."""
    types = {"kept": torch.int64, **TENSORS}
    if any(t.dtype != types.get(name, torch.float32) for name, t in tensors.items()):
        return False
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        return False
    long = len(spec.shape) == 1 and "input_directions" in tensors
    if long != ("residual_directions" in tensors) or not {"code_mean"} <= tensors.keys():
        return False
    code = tensors["code_mean"].numel()
    shaped = tensors["code_mean"].ndim == 1 and tensors["code_whitening"].shape == (code, code)
    directed = [tensors[n] for n in FITTED_TENSORS[2:] if n in tensors]
    return shaped and all(t.ndim == 2 and t.shape[0] == spec.shape[0] for t in directed)


def _are_channels(values: NDArray[np.float32], kept: NDArray[np.int64], views: int) -> bool:
    shaped = values.ndim == 2 and kept.ndim == 1 and len(values) == kept.size > 0
    ascending = shaped and bool((np.diff(kept) > 0).all())
    return ascending and kept[0] >= 0 and kept[-1] < views and 0 < values.shape[1] <= MOST_ROWS
