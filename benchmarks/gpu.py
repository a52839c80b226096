"""A GPU's share of what it could do: from records in memory to scores.

    python -m benchmarks.gpu [--out FOLDER] [--seconds 1]

Three networks, each in float32 and bfloat16, 256 to 65,536 records a call. Beside ours: the same
bytes copied to the GPU from pinned memory (nothing can be faster), the same from where the records
are, through pinned memory, and the network alone on records that are there already. Kernels that
Python starts are counted with and without CUDA graphs. Every figure is the median call; they take
turns. Writes gpu.json and gpu.md. Without a GPU it says so and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.profiler import ProfilerActivity, profile

from models.architectures import build
from models.autoencoder import Autoencoder
from models.device import resolve
from models.device_engine import DeviceEngine, suited_rows
from models.input_spec import InputSpec
from models.precision import DTYPES, PRECISIONS

ROWS: Final = (256, 1024, 4096, 16_384, 65_536)
MOST_BYTES: Final = 2 << 30
"""Of the records of one call."""
WARM_UP: Final = 3
LAUNCHES: Final = ("cudaLaunchKernel", "cuLaunchKernel", "cudaLaunchKernelExC", "cudaGraphLaunch")
"""What the processor calls to start kernels, or a graph of them."""


@dataclass(frozen=True)
class Case:
    """A network, and uint8 records of one shape."""

    name: str
    architecture: str
    shape: tuple[int, ...]

    def records(self, rows: int) -> NDArray[np.uint8]:
        """Random records (rows, *shape)."""
        return np.random.default_rng(0).integers(0, 256, (rows, *self.shape), dtype=np.uint8)

    def model(self, device: torch.device) -> tuple[Autoencoder, InputSpec]:
        """The network, the same weights each time, and how its records arrive."""
        spec = InputSpec.fit(self.records(64))
        torch.manual_seed(0)
        return build(self.architecture, spec, {}).eval().to(device), spec


CASES: Final = (
    Case("dense, 784", "dense", (784,)),
    Case("convolutional, 28x28", "convolutional", (28, 28)),
    Case("convolutional, 3x224x224", "convolutional", (3, 224, 224)),
)


@dataclass(frozen=True)
class Line:
    """Seconds of a call, and launches in one.

    pinned, staged: copies of the records to the GPU, from pinned memory and through it. forward:
    the network alone, None where the records do not fit beside it.
    """

    case: str
    precision: str
    rows: int
    ours: float
    pinned: float
    staged: float
    forward: float | None
    launches: int
    launches_without_graphs: int


def measure(case: Case, precision: str, rows: int, seconds: float) -> Line:
    """A line of the table."""
    device = resolve("cuda")
    model, spec = case.model(device)
    engine, plain = (
        DeviceEngine(model, spec, "mse", precision, suited_rows(spec), graphs)
        for graphs in (True, False)
    )
    records = case.records(rows)
    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: engine.errors(records),
        **copies(records, device),
    }
    if rows <= 4 * suited_rows(spec):
        calls["forward"] = forward(model, spec, records[: suited_rows(spec)], rows, precision)
    taken = median_seconds(calls, seconds)
    return Line(
        str(case.name),
        precision,
        rows,
        taken["ours"],
        taken["pinned"],
        taken["staged"],
        taken.get("forward"),
        launches(calls["ours"]),
        launches(lambda: plain.errors(records)),
    )


def copies(records: NDArray[Any], device: torch.device) -> dict[str, Callable[[], object]]:
    """The bare copies to the device, each waiting for its end."""
    pinned = torch.empty(records.shape, dtype=torch.uint8, pin_memory=True)
    there = torch.empty(records.shape, dtype=torch.uint8, device=device)

    def send() -> None:
        there.copy_(pinned, non_blocking=True)
        torch.cuda.synchronize(device)

    def stage() -> None:
        np.copyto(pinned.numpy(), records)
        send()

    return {"pinned": send, "staged": stage}


def forward(
    model: Autoencoder, spec: InputSpec, records: NDArray[Any], rows: int, precision: str
) -> Callable[[], object]:
    """The network alone on prepared records of one pass, as often as it takes for all rows."""
    dtype = DTYPES[precision]
    own = build(model.architecture, spec, model.settings).eval()
    own.load_state_dict(model.state_dict())
    own = own.to(next(model.parameters()).device, dtype)
    x = torch.from_numpy(spec.prepare(records)).to(next(own.parameters()).device, dtype)
    passes = max(1, rows // len(records))

    @torch.inference_mode()
    def call() -> None:
        for _ in range(passes):
            own(x[:rows])
        torch.cuda.synchronize(x.device)

    return call


def median_seconds(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each call; they take turns until each has had so many seconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    while min(sum(taken) for taken in times.values()) < seconds:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


def launches(call: Callable[[], object]) -> int:
    """How often one call asks the GPU to start something."""
    for _ in range(WARM_UP):
        call()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        call()
        torch.cuda.synchronize()
    return sum(event.count for event in seen.key_averages() if event.key in LAUNCHES)


def table(lines: list[Line], device: str) -> str:
    """The lines in Markdown: rows a second, and ours as a share of the bare parts."""
    head = (
        "network", "precision", "rows a call", "rows/s", "of the pinned copy", "of the staged copy",
        "of the forward pass", "launches", "without graphs",
    )  # fmt: skip
    rows = [head, ("---",) * len(head), *map(_cells, lines)]
    return f"{device}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _cells(line: Line) -> tuple[str, ...]:
    forward = "" if line.forward is None else f"{line.forward / line.ours:.2f}"
    return (
        line.case,
        line.precision,
        f"{line.rows:,}",
        f"{line.rows / line.ours:,.0f}",
        f"{line.pinned / line.ours:.2f}",
        f"{line.staged / line.ours:.2f}",
        forward,
        f"{line.launches:,}",
        f"{line.launches_without_graphs:,}",
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; 2 without a GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure (default: 1)")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("benchmarks.gpu: torch sees no GPU here: nothing to measure", file=sys.stderr)
        return 2
    device = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    lines: list[Line] = []
    options.out.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        for rows in ROWS:
            if rows * int(np.prod(case.shape)) > MOST_BYTES:
                continue
            for precision in PRECISIONS:
                lines.append(measure(case, precision, rows, options.seconds))
                print("| " + " | ".join(_cells(lines[-1])) + " |", flush=True)
        # After each network: a run that is cut off leaves what it has.
        document = {"device": device, "lines": [asdict(line) for line in lines]}
        (options.out / "gpu.json").write_text(json.dumps(document, indent=2) + "\n")
        (options.out / "gpu.md").write_text(table(lines, device))
    return 0


if __name__ == "__main__":
    sys.exit(main())
