"""OnnxScorer: a model of others, in ONNX, that gives a score a record.

The bundle's weights are the file's bytes and, if scores become surprisals, the curve for that. It
reconstructs nothing: channels are of the inputs alone, and all elements share an error alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import checks, onnx_checks
from models.errors import GivenModelError
from models.input_spec import InputSpec
from models.onnx_runs import TYPES, Port, Run, only
from models.solved import Scoring
from models.surprisal import Surprisal

ANOMALOUS: Final = ("high", "low")
SCALES: Final = ("score", "surprisal")
ORDERS: Final = ("record", "network")
_SOURCE: Final = "the ONNX scorer"


class OnnxScorer(Scoring):
    """Settings: bytes of the file; names of input and output; order, of the record's axes: as it
    arrives, or channels first; anomalous, which scores are: high or low; scale: the error is the
    score itself, none below 0, or its surprisal.
    """

    architecture = "onnx"
    metric = "score"
    reconstructs = False

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.graph = nn.Parameter(
            torch.zeros(settings["bytes"], dtype=torch.uint8), requires_grad=False
        )
        self.surprisal = Surprisal()
        self._spec = spec
        self._run: Run | None = None
        self._cuda = False

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings; ValueError for those that do not fit: all must be there."""
        names = ("bytes", "input", "output", "order", "anomalous", "scale")
        checks.known(settings, names)
        absent = [name for name in names if name not in settings]
        if absent:
            raise ValueError(f"{', '.join(absent)} must be said of a scorer in ONNX")
        size = settings["bytes"]
        if type(size) is not int or not 0 < size <= onnx_checks.MOST_BYTES:
            raise ValueError(f"bytes must be from 1 to {onnx_checks.MOST_BYTES}, got {size!r:.80}")
        for name in ("input", "output"):
            if type(settings[name]) is not str:
                raise ValueError(f"{name} must be a name, got {settings[name]!r:.80}")
        for name, known in (("order", ORDERS), ("anomalous", ANOMALOUS), ("scale", SCALES)):
            if settings[name] not in known:
                raise ValueError(f"{name} must be {' or '.join(known)}, got {settings[name]!r:.80}")
        if not spec.schema.plain:
            raise ValueError("a scorer in ONNX takes numbers that are never missing")
        if any(spec.offset):
            raise ValueError("a scorer in ONNX takes records as they are: offsets must be 0")
        return dict(settings)

    def filled(self) -> None:
        """Check the file and open it. Raises ValueError if it cannot be what the settings say."""
        try:
            data = self._data()
            onnx_checks.checked(data, _SOURCE)
            run = self._opened(data)
            taken = only(run.inputs, self.settings["input"], _SOURCE, "input")
            given = only(run.outputs, self.settings["output"], _SOURCE, "output")
            if self.settings["order"] != order_of(taken, self._spec, _SOURCE):
                raise ValueError("its input has another order of axes than its settings say")
            check_output(given, _SOURCE)
            if len(run.inputs) > 1:
                raise ValueError("it takes more than a record")
        except GivenModelError as error:
            raise ValueError(str(error)) from error

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Have onnxruntime use this device if it can; the bytes stay where they are."""
        device = args[0] if args else kwargs.get("device")
        if isinstance(device, torch.device) and (device.type == "cuda") != self._cuda:
            self._cuda, self._run = device.type == "cuda", None
        return self

    @property
    def place(self) -> str:
        """As `Autoencoder.place`: where onnxruntime computes."""
        return self._opened().device

    @property
    def width(self) -> int:
        """As `Scoring.width`: a guess, since what a graph needs inside is not known."""
        return 8 * math.prod(self.shape)

    def scores(self, x: Tensor) -> NDArray[np.float64]:
        """What the file gives, (B,); high is anomalous. x: as for `errors`."""
        run = self._opened()
        kind = TYPES[next(p.type for p in run.inputs if p.name == self.settings["input"])]
        dimensions = len(self.shape) - 1
        scale = np.reshape(self._spec.scale, (-1, *(1,) * dimensions)).astype(np.float32)
        rows = x.detach().cpu().numpy() * scale  # exact: scales are powers of two
        if self.settings["order"] == "record":
            rows = as_arrived(rows, self._spec)
        found = run(
            self.settings["input"], np.ascontiguousarray(rows, kind), self.settings["output"]
        )
        if found.size != len(x):
            raise GivenModelError(
                f"the ONNX scorer gave {found.size} scores for {len(x)} records: it must give one"
                " for each"
            )
        scores = found.reshape(len(x)).astype(np.float64)
        return -scores if self.settings["anomalous"] == "low" else scores

    def errors(self, x: Tensor) -> Tensor:
        """As `Scoring.errors`: the score, or its surprisal in nats."""
        scores = torch.from_numpy(self.scores(x)).float()
        if self.settings["scale"] == "surprisal":
            errors: Tensor = self.surprisal(scores)
            return errors.clamp(min=0)
        return scores.clamp(min=0)

    def element_errors(self, x: Tensor) -> Tensor:
        """As `Scoring.element_errors`: the same for each, since the file says nothing of them."""
        errors = self.errors(x)
        return errors.reshape(-1, *(1,) * len(self.shape)).expand(x.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return x: nothing is reconstructed."""
        return x

    def _data(self) -> bytes:
        return self.graph.detach().cpu().numpy().tobytes()

    def _opened(self, data: bytes | None = None) -> Run:
        """The session, opened anew if torch computes with another number of threads."""
        run = self._run
        if run is None or run.threads != torch.get_num_threads():
            self._run = run = Run(self._data() if data is None else data, _SOURCE, self._cuda)
        return run


def order_of(port: Port, spec: InputSpec, source: str) -> str:
    """Which order of axes an input takes. Raises GivenModelError if it takes no such records."""
    if port.type not in TYPES:
        raise GivenModelError(
            f"{source}: input {port.name} is {port.type}: it must be float32 or float64. Export it"
            " with a cast inside"
        )
    if port.shape is not None:
        for order, shape in (("network", spec.shape), ("record", spec.record_shape)):
            if _fits(port.shape, shape):
                if port.shape[0] is not None:
                    raise GivenModelError(
                        f"{source}: takes batches of {port.shape[0]} records alone. Export it with"
                        " a free number of records"
                    )
                return order
    stated = "of no stated shape" if port.shape is None else f"of shape {list(port.shape)}"
    raise GivenModelError(
        f"{source}: input {port.name} is {stated}, and records are"
        f" {list(spec.record_shape)}: it must take [records, *{list(spec.record_shape)}]"
    )


def check_output(port: Port, source: str) -> None:
    """Raise GivenModelError if an output cannot be one score a record."""
    if port.type not in TYPES:
        raise GivenModelError(
            f"{source}: output {port.name} is {port.type}, not a score: it must be float32 or"
            " float64. Name another one with --output"
        )
    if port.shape is not None and any(size not in (None, 1) for size in port.shape[1:]):
        raise GivenModelError(
            f"{source}: output {port.name} is of shape {list(port.shape)}: it must be one score a"
            " record"
        )


def as_arrived(rows: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Records (B, *shape), channels first, in the order in which they arrive."""
    if spec.layout in ("HWC", "series"):
        return np.moveaxis(rows, 1, -1)
    return rows[:, 0] if spec.layout == "HW" else rows


def _fits(port: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    if len(port) != 1 + len(shape):
        return False
    return all(size in (None, wanted) for size, wanted in zip(port[1:], shape, strict=True))
