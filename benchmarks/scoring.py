"""Rows a second of the scorer, on the CPU and on a GPU, and where the time goes.

    python -m benchmarks.scoring [--device cpu cuda] [--seconds 1]

Records in as numpy arrays, scores out as numpy arrays: all transfers are counted. The weights are
random, which costs what trained ones cost. The devices take turns, so that a busy machine slows
all of them; every figure is the median call. By default: the CPU, and cuda if there is one.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.architectures import build
from models.bundle import Bundle
from models.device import resolve
from models.input_spec import InputSpec
from models.preparation import Preparation
from models.reconstruction import record_errors
from models.reference import Reference
from monitor.pipeline.scorer import Scorer

ROWS = (64, 256, 512, 2048, 8192)
STAGE_ROWS = 512
"""The daemon's largest batch by default."""
TURNS = 5
WARM_UP = 3
ARRAYS = 4
"""Different inputs in turn: one alone would stay in the caches."""
CALIBRATION = 20_000
STAGES = ("copy", "send", "normalise", "forward", "errors, back", "p-values")


@dataclass(frozen=True)
class Case:
    """A model and the kind of records it takes."""

    architecture: str
    what: str

    def records(self, rows: int) -> NDArray[Any]:
        """Random records: images (rows, 28, 28) uint8 or vectors (rows, 64) float32."""
        rng = np.random.default_rng(0)
        if self.what == "images":
            return rng.integers(0, 256, (rows, 28, 28), dtype=np.uint8)
        return rng.normal(size=(rows, 64)).astype(np.float32)

    def bundle(self) -> Bundle:
        """A bundle of its own, the same weights each time: a scorer moves them to its device."""
        spec = InputSpec.fit(self.records(512))
        torch.manual_seed(0)
        return Bundle(
            version="0" * 16,
            architecture=self.architecture,
            input_spec=spec,
            reference=Reference.calibrate(np.random.default_rng(0).random(CALIBRATION)),
            model=build(self.architecture, spec, {}),
            error_metric="mse",
            metadata={},
            path=Path(),
        )

    def __str__(self) -> str:
        shape = "28x28 uint8" if self.what == "images" else "64 float32"
        return f"{self.architecture}, {shape}"


CASES = (Case("dense", "images"), Case("convolutional", "images"), Case("dense", "vectors"))


def median_seconds(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each call; they take turns for about so many seconds each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    for _ in range(TURNS):
        for name, call in calls.items():
            end = time.perf_counter() + seconds / TURNS
            while True:
                start = time.perf_counter()
                call()
                now = time.perf_counter()
                times[name].append(now - start)
                if now >= end:
                    break
    return {name: float(np.median(taken)) for name, taken in times.items()}


def scoring(scorer: Scorer, records: NDArray[Any]) -> Callable[[], object]:
    """A call that scores one of the arrays; the errors that come out have left the device."""
    arrays = cycle(np.array_split(records, ARRAYS))
    return lambda: scorer.score(next(arrays))


def throughput(devices: list[str], seconds: float) -> None:
    """Print rows a second by model, rows a call and device, and the ratio to the first device."""
    first, others = devices[0], devices[1:]
    ratios = [f"{device} / {first}" for device in others]
    print_row("model", "rows a call", *(f"{device}, rows/s" for device in devices), *ratios)
    print_row(*["---"] * (2 + len(devices) + len(others)))
    for case in CASES:
        scorers = {device: Scorer(case.bundle(), device) for device in devices}
        for rows in ROWS:
            records = case.records(ARRAYS * rows)
            calls = {device: scoring(scorer, records) for device, scorer in scorers.items()}
            taken = median_seconds(calls, seconds)
            rates = [f"{rows / taken[device]:,.0f}" for device in devices]
            gains = [f"{taken[first] / taken[device]:.1f}" for device in others]
            print_row(str(case), f"{rows:,}", *rates, *gains)


def stages(bundle: Bundle, preparation: Preparation, records: NDArray[Any]) -> list[float]:
    """Seconds of each of STAGES in one call; waits for the device after each."""
    device = next(bundle.model.parameters()).device
    ends = [time.perf_counter()]

    def end() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        ends.append(time.perf_counter())

    with torch.inference_mode():
        if device.type == "cpu":
            ends *= 3  # nothing is copied or sent
            x = preparation.prepare(records)
        else:
            copied = preparation.copy(bundle.input_spec.in_network_shape(records))
            end()
            sent = preparation.send(copied)
            end()
            x = preparation.normalise(sent, records.dtype)
        end()
        reconstruction = bundle.model(x)
        end()
        errors = record_errors(x, reconstruction, bundle.error_metric)
        end()
    bundle.reference.p_values(errors)
    bundle.reference.anomalous(errors)
    end()
    return [float(lap) for lap in np.diff(ends)]


def breakdown(devices: list[str], seconds: float) -> None:
    """Print the median microseconds of each stage, and of the whole call without the waits."""
    print_row("model", "device", *STAGES, "whole call")
    print_row(*["---"] * (3 + len(STAGES)))
    for case in CASES:
        records = case.records(ARRAYS * STAGE_ROWS)
        for device in devices:
            scorer = Scorer(case.bundle(), device)
            laps = median_laps(scorer.bundle, resolve(device), records[:STAGE_ROWS], seconds)
            whole = median_seconds({device: scoring(scorer, records)}, seconds)[device]
            print_row(str(case), device, *(f"{1e6 * lap:,.0f}" for lap in (*laps, whole)))


def median_laps(
    bundle: Bundle, device: torch.device, records: NDArray[Any], seconds: float
) -> list[float]:
    """Median seconds of each of STAGES."""
    preparation = Preparation(bundle.input_spec, device)
    laps: list[list[float]] = []
    median_seconds({"": lambda: laps.append(stages(bundle, preparation, records))}, seconds)
    return [float(lap) for lap in np.median(laps[WARM_UP:], axis=0)]


def print_row(*cells: str) -> None:
    """Print a line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def describe(device: str) -> str:
    """The device as people know it."""
    where = resolve(device)
    if where.type == "cuda":
        return f"{device}: {torch.cuda.get_device_name(where)}"
    return f"{device}: {processor()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    available = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    parser.add_argument("--device", nargs="+", default=available, metavar="DEVICE")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure (default: 1)")
    options = parser.parse_args()
    print(f"torch {torch.__version__}; " + "; ".join(map(describe, options.device)), end="\n\n")
    throughput(options.device, options.seconds)
    print(f"\nmicroseconds of a call of {STAGE_ROWS} rows\n")
    breakdown(options.device, options.seconds)


if __name__ == "__main__":
    main()
