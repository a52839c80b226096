"""What scoring a record costs, of each architecture, beside the plain model of such records.

    python -m benchmarks.quality.costs

Prints a table, Markdown: microseconds of one core, which `models/scoring_costs.py` states, and how
many times the plain model's that is. All of a row are measured in turn, since the clock of a
shared machine goes up and down. Two minutes on a core.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models import architectures
from models.architectures import default_architecture
from models.engine import Engine
from models.engines import engine_for
from models.input_spec import InputSpec
from models.solved import Solved

ROUNDS = 15
TIMED = 1024
VECTORS = ("dense", "linear", "ladder", "denoising", "variational", "memory")
PICTURES = (
    "convolutional", "linear", "ladder", "edges", "patches", "dense", "convolutional-variational"
)  # fmt: skip
SERIES = ("temporal", "linear", "ladder", "dense", "denoising")


def engine(records: NDArray[Any], spec: InputSpec, name: str) -> Engine:
    """Scores such records."""
    model = architectures.build(name, spec, {})
    if isinstance(model, Solved):
        with torch.no_grad():
            model.solve(torch.from_numpy(spec.prepare(records)), model.share, 0)
    return engine_for(model.eval(), spec, "mse")


def microseconds(records: NDArray[Any], engines: Sequence[Engine]) -> list[float]:
    """Of scoring one record with each, the fastest of all rounds."""
    times = np.empty((ROUNDS, len(engines)))
    for each in times:
        for i, engine in enumerate(engines):
            start = time.thread_time()
            engine.errors(records[:TIMED])
            each[i] = time.thread_time() - start
    found: list[float] = (1e6 * times.min(axis=0) / min(TIMED, len(records))).tolist()
    return found


def line(records: NDArray[Any], names: tuple[str, ...], layout: str = "") -> str:
    """A row of the table."""
    spec = InputSpec.fit(records, layout=layout)
    engines = [engine(records, spec, name) for name in (default_architecture(spec), *names)]
    plain, *costs = microseconds(records, engines)
    cells = [
        f"{name} {cost:.2f} ({cost / plain:.2f})" for name, cost in zip(names, costs, strict=True)
    ]
    return f"| {' x '.join(map(str, spec.record_shape))} | {', '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print("| record | microseconds (times the plain model's) |\n| --- | --- |")
    for d in (5, 20, 50, 100, 200, 400, 784, 1024):
        print(line(rng.normal(size=(3000, d)), VECTORS), flush=True)
    for side in (8, 16, 28, 32):
        pictures = rng.integers(0, 256, (600, side, side), dtype=np.uint8)
        print(line(pictures, PICTURES), flush=True)
    for steps, channels in ((16, 3), (64, 4), (128, 8)):
        print(line(rng.normal(size=(1500, steps, channels)), SERIES, "series"), flush=True)


if __name__ == "__main__":
    main()
