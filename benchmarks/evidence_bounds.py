"""How much memory and disk evidence takes: ten million vectors, and pictures of 224 x 224.

    python -m benchmarks.evidence_bounds vectors [--rows 10000000]
    python -m benchmarks.evidence_bounds pictures [--rows 20000]

The daemon's pipeline with `evidence: records` and `drift.channels: standard`. In each tenth, some
rows are anomalous, and a stretch of them is larger: a drift comes and goes. Prints, after each
tenth, the memory of the process and the largest size that the folder has had.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench.daemons import resident
from models import threads
from models.recipe import train
from models.settings import TrainingSettings
from monitor.config import Config
from monitor.daemon.assembly.evidence import build_keeper, open_evidence
from monitor.daemon.assembly.loaded_model import build_model
from monitor.evidence.folder import FOLDER, MOST_BYTES
from monitor.evidence.keeper import Keeper
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Record

MIB: Final = 2**20
DRIFTED: Final = 0.3
"""Share of each tenth, at its end, that is drifted."""
Rows = Callable[[int, int], NDArray[Any]]
"""From a number of records and a seed to normal ones."""


def vectors(count: int, seed: int) -> NDArray[Any]:
    """Of 16 values, which depend on each other."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(count, 4)) @ np.random.default_rng(0).normal(size=(4, 16))
    return (hidden + 0.1 * generator.normal(size=(count, 16))).astype(np.float32)


def pictures(count: int, seed: int) -> NDArray[Any]:
    """Of 224 x 224 colours, smooth."""
    coarse = np.random.default_rng(seed).integers(40, 200, (count, 7, 7, 3), dtype=np.uint8)
    return coarse.repeat(32, axis=1).repeat(32, axis=2)


def larger(rows: NDArray[Any]) -> NDArray[Any]:
    """As after a drift."""
    noise = np.random.default_rng(7).normal(size=rows.shape)
    if rows.dtype == np.uint8:
        return np.asarray((rows + 40 * noise).clip(0, 255).astype(np.uint8))
    return np.asarray((rows + 2 * noise).astype(rows.dtype))


CASES: Final[dict[str, tuple[Rows, str, int, int, int, int, int]]] = {
    "vectors": (vectors, "dense", 4000, 2048, 16384, 10_000_000, 1),
    "pictures": (pictures, "convolutional", 400, 16, 64, 20_000, 2000),
}
"""Rows, architecture, records to train with, of a batch, different ones in all, and of a run, and
the milliseconds between two."""


def main() -> None:
    """Print a row after each tenth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--rows", type=int)
    options = parser.parse_args()
    rows, architecture, training, batch, pool, most, every = CASES[options.case]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline, keeper = daemon_parts(rows(training, 1), architecture, folder)
        normal = rows(pool, 2)
        payloads = [[row.tobytes() for row in some] for some in (normal, larger(normal))]
        print("tenth  rows  MiB  folder, MiB  episodes  entries", flush=True)
        tenth, offset, largest = (options.rows or most) // 10, 0, 0
        for number in range(10):
            end = offset + tenth
            while offset < end:
                drifted = offset >= end - DRIFTED * tenth
                records = of(payloads[drifted], offset, min(batch, end - offset), every)
                keeper.take(pipeline.step(records))
                for _ in range(4):
                    keeper.rest()
                offset += len(records)
                largest = max(largest, size_of(folder / "state" / FOLDER))
            episodes = len(pipeline.history.episodes)
            entries = len(keeper.listed()["entries"])
            memory = resident(os.getpid()) / MIB
            print(f"{number + 1:5}  {offset:,}  {memory:,.0f}  {largest / MIB:.2f}  {episodes}"
                  f"  {entries}", flush=True)  # fmt: skip
        keeper.close(30)
        if max(largest, size_of(folder / "state" / FOLDER)) > MOST_BYTES:
            raise SystemExit(f"the folder grew beyond {MOST_BYTES:,} bytes")
        if not pipeline.history.episodes:
            raise SystemExit("no drift was told: too few rows, or too small a change")


def daemon_parts(
    training: NDArray[Any], architecture: str, folder: Path
) -> tuple[Pipeline, Keeper]:
    """The daemon's pipeline and keeper, of a configuration, with a model of these records."""
    settings = TrainingSettings(
        architecture=architecture, epochs=2, device="cpu", ordered=True, seed=0
    )
    bundle = train(training, folder / "model", settings)
    threads.use(1, bundle.model, 1)
    body: dict[str, Any] = {
        "model": "m", "kafka": {"topic": "in"}, "codec": {"name": "raw"}, "evidence": "records",
        "state": {"directory": str(folder / "state")}, "device": "cpu",
        "drift": {"channels": "standard", "guard_seconds": 0}, "outputs": {"explain": 0},
    }  # fmt: skip
    (folder / "state").mkdir()
    config = Config.model_validate(body)
    keeper = build_keeper(config)
    assert keeper is not None
    open_evidence(config, keeper)
    model = build_model(config, bundle, keeper)
    return Pipeline(model.decode, model.scorer, model.judge, picker=model.picker), keeper


def of(payloads: list[bytes], offset: int, count: int, every: int) -> Columns:
    """Records, one each so many milliseconds."""
    return Columns.of(
        Record("in", 0, n, 1_700_000_000_000 + every * n, None, payloads[n % len(payloads)])
        for n in range(offset, offset + count)
    ).came(1_800_000_000_000 + every * offset)


def size_of(folder: Path) -> int:
    """Bytes of its files."""
    if not folder.exists():
        return 0
    total = 0
    for path in folder.iterdir():
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # written anew just now
            continue
    return total


if __name__ == "__main__":
    main()
