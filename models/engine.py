"""Engine: from records to reconstruction errors, as fast as the device allows.

On the CPU a call works off its records in passes of `micro_batch`. Each pass normalises into
memory that stays the same, runs the network, and makes the errors in place: nothing that large
is allocated anew, and what one step writes is still in the cache when the next one reads it.
Calibration and service use the same engine, so that what they compare was computed alike.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import Autoencoder
from models.error_metrics import BOUNDED, bend, element_errors
from models.input_spec import InputSpec
from models.network import Network
from models.normalisation import NORMALISED_LIMIT
from models.precision import DTYPES, FLOAT32
from models.solved import Scoring
from models.views import Views

SHORT: Final = 4096
"""Values of a record up to which its squares are summed in one go, which is the fastest; over
more, float32 would lose digits."""

_IN_PLACE: Final = ("mse", "mae")
"""Metrics of the difference alone, which is squared or made positive where it lies."""


class Engine(Protocol):
    """Errors of records, on one device. micro_batch: the most in one forward pass."""

    micro_batch: int

    def errors(self, records: NDArray[Any]) -> NDArray[np.float64]:
        """Mean error of each record, float64 (B,), >= 0, or not finite. Raises ShapeError.

        records: (B, *record_shape) or (B, *shape), any real dtype.
        """

    def with_views(self, records: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The same errors, and the views of each record, (B, views): see `Views`."""


class CpuEngine:
    """An engine on the CPU. Several threads may call it; one at a time computes.

    metric: one of ERROR_METRICS. precision: one of PRECISIONS. views: what `with_views` computes
    besides, in float32 alone.
    """

    def __init__(
        self,
        model: Autoencoder,
        spec: InputSpec,
        metric: str,
        precision: str = FLOAT32,
        micro_batch: int = 1,
        views: Views | None = None,
    ) -> None:
        self.micro_batch = micro_batch
        self._spec, self._metric = spec, metric
        self._seen = None if views is None else views.on(model, torch.device("cpu"))
        self._solved = model.eval() if isinstance(model, Scoring) else None
        self._elements = math.prod(spec.shape)
        self._dtype = DTYPES[precision]
        self.network = Network(model, self._dtype, channels_last=spec.is_image)
        # Convolutions on the CPU are fastest on images whose channels lie side by side.
        self._last = spec.is_image and not self.network.is_dense and self._solved is None
        self._normalisation = spec.normalisation(channels_last=self._last)
        self._suspicious = _least_if_far(metric, spec.is_image) / self._elements
        self._lock = threading.Lock()
        self._allocate(0)

    def errors(self, records: NDArray[Any]) -> NDArray[np.float64]:
        """As `Engine.errors`."""
        return self._run(records, None)

    def with_views(self, records: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """As `Engine.with_views`."""
        width = 0 if self._seen is None else self._seen.width
        views = np.empty((len(records), width), dtype=np.float32)
        return self._run(records, views), views

    def _run(self, records: NDArray[Any], views: NDArray[np.float32] | None) -> NDArray[np.float64]:
        rows = self._spec.in_network_shape(records)
        errors = np.empty(len(rows))
        with self._lock, torch.inference_mode():
            for start in range(0, len(rows), self.micro_batch):
                part = slice(start, start + self.micro_batch)
                errors[part] = self._pass(rows[part], None if views is None else views[part])
        return errors

    @property
    def width(self) -> int:
        """Values of a record in the widest step, if all steps are matrices; else 0."""
        if self._solved is not None:
            return self._solved.width
        return self.network.width if self.network.is_dense else 0

    def _allocate(self, rows: int) -> None:
        self._x = torch.empty(rows, self._elements)
        self._array = self._x.numpy()
        self._reduced = torch.empty(
            rows if self._dtype != torch.float32 else 0, self._elements, dtype=self._dtype
        )

    def _pass(self, rows: NDArray[Any], views: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Float32 (b,) errors of rows (b, *shape) that fit into one pass.

        views: where their views are written, or None.
        """
        if len(rows) > len(self._x):
            self._allocate(len(rows))
        if self._solved is not None:
            return self._own_errors(self._solved, rows, views)
        if self._metric in BOUNDED:
            return self._errors(rows, views, clip=True)
        errors = self._errors(rows, views, clip=False)
        # A value beyond the limit shows in the error: only then clipping is worth its time.
        if not errors.max() < self._suspicious:  # nan, too
            errors = self._errors(rows, views, clip=True)
        return errors

    def _own_errors(
        self, model: Scoring, rows: NDArray[Any], views: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        self._normalisation.into(self._array[: len(rows)], rows, clip=True)
        x = self._shaped(self._x[: len(rows)])
        errors: NDArray[np.float32] = model.errors(x).numpy()
        if views is not None and self._seen is not None:
            views[:] = self._seen(x, self.network(x)).numpy()
        return errors

    def _errors(
        self, rows: NDArray[Any], views: NDArray[np.float32] | None, clip: bool
    ) -> NDArray[np.float32]:
        count = len(rows)
        self._normalisation.into(self._array[:count], rows, clip)
        x = self._x[:count]
        made = self.network(self._shaped(self._in_precision(x)))
        if views is not None and self._seen is not None:
            views[:] = self._seen(self._shaped(x), made).numpy()
        if self._metric not in _IN_PLACE:
            each = element_errors(self._shaped(x), made.float(), self._metric)
            means: NDArray[np.float32] = each.flatten(1).mean(1).numpy()
            return means
        made = self._flat(made)
        # The difference takes the place of the records: they are not needed any more.
        torch.sub(made, x, out=x)
        return self._means(self._array[:count])

    def _in_precision(self, x: Tensor) -> Tensor:
        return x if self._dtype == torch.float32 else self._reduced[: len(x)].copy_(x)

    def _shaped(self, flat: Tensor) -> Tensor:
        """Records (b, elements) as the network takes them."""
        if not self._last:
            return flat.view(-1, *self._spec.shape)
        channels, height, width = self._spec.shape
        return flat.view(-1, height, width, channels).permute(0, 3, 1, 2)  # (b, C, H, W)

    def _flat(self, made: Tensor) -> Tensor:
        """Reconstructions in the order of memory of the records, (b, elements)."""
        return (made.permute(0, 2, 3, 1) if self._last else made).reshape(len(made), -1)

    def _means(self, difference: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean error of each row; the differences are overwritten."""
        if self._metric == "mse" and self._elements <= SHORT:
            with np.errstate(over="ignore", invalid="ignore"):
                sums: NDArray[np.float32] = np.einsum("ij,ij->i", difference, difference)
            sums /= np.float32(self._elements)
            return sums
        each = torch.from_numpy(difference)
        each = each.square_() if self._metric == "mse" else each.abs_()
        means: NDArray[np.float32] = each.mean(1).numpy()
        return means


def _least_if_far(metric: str, is_image: bool) -> float:
    """What an element adds to a record's error at least if it lies beyond the limit."""
    far = NORMALISED_LIMIT / 2
    return {"mae": far, "huber": 0.9 * bend(is_image) * far}.get(metric, far**2)
