"""The scorer against the network alone, and against others that score with an autoencoder.

Rows in as numpy arrays, scores out as numpy arrays. Beside it: plain torch as one would write it
(scale, network, mean squared error), and PyOD's AutoEncoder, of the same widths.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bench import bare
from benchmarks.bench.kinds import (
    DIGIT,
    DIGIT_CONVOLUTIONAL,
    PICTURE_96,
    PICTURE_224,
    Kind,
    vector,
)
from benchmarks.bench.lines import Line, Result
from benchmarks.bench.measuring import Work, in_turns
from benchmarks.bench.product import bundle_of
from benchmarks.bench.running import Run
from models.layers import default_hidden
from monitor.pipeline.scorer import Scorer

TITLE = "the scorer against the network alone, torch as one writes it, and PyOD"
ROWS = (32, 256, 1024, 4096)
PICTURE_ROWS = (8, 32)
VECTORS = tuple(vector(features) for features in (16, 64, 784))


@dataclass(frozen=True)
class Case:
    """A kind of records, so many a call."""

    kind: Kind
    rows: int

    def __str__(self) -> str:
        return f"{self.kind.name}, {self.rows} rows"


def cases() -> Iterator[Case]:
    """All: what is large, a few rows at a time."""
    small = (*VECTORS, DIGIT, DIGIT_CONVOLUTIONAL)
    yield from (Case(kind, rows) for kind, rows in product(small, ROWS))
    yield from (Case(kind, rows) for kind, rows in product((PICTURE_96, PICTURE_224), PICTURE_ROWS))


def run(run: Run) -> Result:
    """A line for each case."""
    result = Result()
    if not find_spec("pyod"):
        result.skipped.append("PyOD, which is not installed")
    chosen = [Case(VECTORS[0], 256), Case(DIGIT, 256)] if run.short else list(cases())
    for case in run.each(chosen, str):
        result.lines.append(measure(case, run))
    return result


def measure(case: Case, run: Run) -> Line:
    """Turns of the bare forward pass, the scorer, and its peers."""
    kind, rows = case.kind, case.rows
    scorer = Scorer(bundle_of(kind, run.folder / kind.name.replace(" ", "-")), "cpu")
    records = kind.rows(bare.ARRAYS * rows, 1)
    works = {
        "ours": scoring(records, rows, scorer.score),
        "forward": bare.forward(kind, rows),
        "torch": scoring(records, rows, PlainTorch(kind)),
    }
    if find_spec("pyod") and kind in VECTORS:
        works["PyOD"] = scoring(records, rows, pyod_of(kind))
    found = in_turns(works, run.turns, run.seconds)
    ours, forward = found.pop("ours"), found.pop("forward")
    return Line(str(case), ours, {"forward": forward}, found)


def scoring(records: NDArray[Any], rows: int, score: Any) -> Work:
    """Score one of the arrays at each call."""
    arrays = cycle(np.split(records, len(records) // rows))

    def call() -> int:
        score(next(arrays))
        return rows

    return call


class PlainTorch:
    """Errors of rows, as one writes it down: scale in float32, network, mean squared error."""

    def __init__(self, kind: Kind) -> None:
        spec = kind.spec
        per_channel = (-1, *(1,) * (len(spec.shape) - 1))
        self._network, self._spec = kind.network(), spec
        self._offset = torch.tensor(spec.offset, dtype=torch.float32).view(per_channel)
        self._scale = torch.tensor(spec.scale, dtype=torch.float32).view(per_channel)

    @torch.inference_mode()
    def __call__(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Errors of rows (n, *record_shape), float32 (n,)."""
        x = torch.from_numpy(self._spec.in_network_shape(rows)).float()
        x = (x - self._offset) / self._scale
        errors = (self._network(x) - x).square().flatten(1).mean(1)
        return np.asarray(errors.numpy())


def pyod_of(kind: Kind) -> Any:
    """PyOD's AutoEncoder of the same widths, after one epoch; a function of rows."""
    from pyod.models.auto_encoder import AutoEncoder

    hidden = list(default_hidden(kind.shape[0]))
    model = AutoEncoder(
        epoch_num=1, hidden_neuron_list=hidden, device="cpu", verbose=0, batch_norm=False,
        dropout_rate=0.0,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model.fit(kind.rows(1_000, 0))
    return quiet(model.decision_function)


def quiet(function: Any) -> Any:
    """The function without its progress bar, which would cost it time."""

    def call(rows: NDArray[Any]) -> Any:
        with contextlib.redirect_stderr(io.StringIO()):
            return function(rows)

    return call
