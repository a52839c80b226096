"""DeviceEngine: an engine for a GPU.

    records -> pinned memory -> device -> normalised -> network -> errors -> one small copy back

There are two lanes, each with its own pinned memory: while the device computes on one, the next
records are written to the other and sent. Small passes are one CUDA graph, padded to a power of
two: their kernels are started together, which costs less than to start each from Python.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import Autoencoder
from models.error_metrics import element_errors
from models.input_spec import InputSpec
from models.network import Network
from models.precision import DTYPES, FLOAT32
from models.preparation import Preparation, stage
from models.solved import Scoring
from models.streams import Streams
from models.views import Views

PASS_VALUES: Final = 8 << 20
"""Values in one pass: enough to keep a GPU busy, 32 MiB of float32."""
MOST: Final = 16_384
GRAPH_VALUES: Final = 4 << 20
"""Values up to which a pass is a CUDA graph: with more, starting kernels takes no time beside
running them, and each graph keeps memory."""
SMALLEST: Final = 32
"""Rows that smaller batches are padded to in a graph."""
LANES: Final = 2
TYPES: Final = 2
"""Types of records whose lanes are kept."""
_WARM_UP: Final = 3
"""Runs before a graph is recorded: libraries allocate memory and choose kernels in the first."""


def suited_rows(spec: InputSpec) -> int:
    """A power of two, from 1 to MOST, that suits a GPU."""
    fitting = max(1, PASS_VALUES // math.prod(spec.shape))
    return int(min(MOST, 1 << (fitting.bit_length() - 1)))


class DeviceEngine:
    """An engine on any device, made for a GPU. Several threads may call it, one computes.

    graphs: whether small passes become CUDA graphs; never on the CPU. views: what `with_views`
    computes besides, in float32 alone.
    """

    def __init__(
        self,
        model: Autoencoder,
        spec: InputSpec,
        metric: str,
        precision: str = FLOAT32,
        micro_batch: int = 1,
        graphs: bool = True,
        views: Views | None = None,
    ) -> None:
        self.micro_batch = micro_batch
        self._spec, self._metric, self._dtype = spec, metric, DTYPES[precision]
        self._solved = model.eval() if isinstance(model, Scoring) else None
        self._device = next(model.parameters()).device
        self._streams = Streams(self._device)
        self._graphs = graphs and self._streams.asynchronous
        self._preparation = Preparation(spec, self._device)
        # Tensor cores take images of half precision fastest when channels lie side by side.
        last = spec.is_image and self._dtype != torch.float32
        self._network = Network(model, self._dtype, channels_last=last)
        self._order = torch.channels_last if last else torch.contiguous_format
        self._seen = None if views is None else views.on(model, self._device)
        self._lanes: dict[np.dtype[Any], list[_Lane]] = {}
        self._lock = threading.Lock()

    def errors(self, records: NDArray[Any]) -> NDArray[np.float64]:
        """As `Engine.errors`."""
        return self.with_views(records)[0]

    def with_views(self, records: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """As `Engine.with_views`."""
        rows = self._spec.in_network_shape(records)
        width = 1 if self._seen is None else 1 + self._seen.width
        with self._lock, self._streams.here(), torch.inference_mode():
            self._network.reserve(self.micro_batch)  # graphs know its place
            if self._seen is not None:
                self._seen.reserve(self.micro_batch)
            found = torch.empty(len(rows), width, device=self._device)
            lanes = self._lanes_for(rows.dtype)
            for number, start in enumerate(range(0, len(rows), self.micro_batch)):
                part = rows[start : start + self.micro_batch]
                lane = lanes[number % LANES]
                lane.load(part)
                found[start : start + len(part)] = lane.run(len(part))
            numbers: NDArray[np.float32] = found.cpu().numpy()  # waits for the device
            return numbers[:, 0].astype(np.float64), numbers[:, 1:]

    def _lanes_for(self, dtype: np.dtype[Any]) -> list[_Lane]:
        if dtype not in self._lanes:
            if len(self._lanes) >= TYPES:
                self._lanes.clear()
            self._lanes[dtype] = [self._lane(dtype) for _ in range(LANES)]
        return self._lanes[dtype]

    def _lane(self, dtype: np.dtype[Any]) -> _Lane:
        staging = self._preparation.staging(self.micro_batch, dtype)
        most = GRAPH_VALUES // math.prod(self._spec.shape) if self._graphs else 0

        def compute(rows: Tensor) -> Tensor:
            """Errors of rows (b, *shape) as they arrived on the device, and views, (b, width)."""
            x = torch.empty(rows.shape, device=self._device, memory_format=self._order)
            self._preparation.normalise(rows, dtype, out=x)
            if self._solved is not None and self._seen is None:
                return self._solved.errors(x)[:, None]
            made = self._network(x if self._dtype == torch.float32 else x.to(self._dtype))
            errors = self._errors_of(x, made)[:, None]
            return errors if self._seen is None else torch.cat([errors, self._seen(x, made)], 1)

        return _Lane(staging, self._device, self._streams, compute, most)

    def _errors_of(self, x: Tensor, made: Tensor) -> Tensor:
        """Errors (b,) of records and their reconstructions, (b, *shape) both."""
        if self._solved is not None:
            return self._solved.errors(x)
        each = element_errors(x, made, self._metric)
        return each.mean(dim=tuple(range(1, each.ndim)))


class _Lane:
    """Memory for one pass on its way, and what computes it.

    compute: from rows on the device to their errors and views. most: rows up to which it is
    recorded as a graph.
    """

    def __init__(
        self,
        staging: Tensor,
        device: torch.device,
        streams: Streams,
        compute: Callable[[Tensor], Tensor],
        most: int,
    ) -> None:
        self._staging = staging
        self._arrived = torch.zeros_like(staging, device=device, pin_memory=False)
        self._streams, self._compute, self._most = streams, compute, most
        self._sent, self._done = streams.event(), streams.event()
        self._recorded: dict[int, tuple[Any, Tensor]] = {}

    def load(self, rows: NDArray[Any]) -> None:
        """Send rows (b, *shape) on their way; waits only until the lane's last ones have left."""
        streams, count = self._streams, len(rows)
        streams.block(self._sent)
        stage(self._staging[:count], rows)
        with streams.copying():
            streams.wait(self._done)  # what arrived before may still be read
            self._arrived[:count].copy_(self._staging[:count], non_blocking=True)
            streams.record(self._sent)

    def run(self, count: int) -> Tensor:
        """What was computed of what was loaded, on the device; valid until the next run."""
        self._streams.wait(self._sent)
        padded = min(len(self._arrived), max(SMALLEST, 1 << (count - 1).bit_length()))
        if padded > self._most:
            errors = self._compute(self._arrived[:count])
        else:
            graph, errors = self._recorded.get(padded) or self._record(padded)
            graph.replay()
        self._streams.record(self._done)
        return errors[:count]

    def _record(self, padded: int) -> tuple[Any, Tensor]:
        """The graph for so many rows, and where its errors will be."""
        rows = self._arrived[:padded]
        self._streams.warm_up(lambda: self._compute(rows), _WARM_UP)
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on: one may be loading another model.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            errors = self._compute(rows)
        self._recorded[padded] = graph, errors
        return graph, errors
