"""What evidence costs: a pipeline's step with evidence off, with scores, with records.

    python -m benchmarks.evidence

Batches of 256 rows, of 16 and of 784 values, by turns. Of each way: the median time of a batch of
normal rows, once the sample is filled; and what the first rounds cost, while it fills.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import threads
from models.bundle import Bundle
from models.recipe import train
from models.settings import TrainingSettings
from monitor.config import Config
from monitor.daemon.assembly.evidence import build_keeper
from monitor.daemon.assembly.loaded_model import build_model
from monitor.evidence.keeper import Keeper
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Record

ROWS: Final = 256
MODES: Final = ("off", "scores", "records")


def main() -> None:
    """Print a row of the table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=800)
    options = parser.parse_args()
    print("values  off, us  scores, us  records, us  (median; filling: mean of the first 200)")
    with tempfile.TemporaryDirectory() as folder:
        for values in (16, 784):
            work = Path(folder) / str(values)
            found = measured(trained(values, work / "model"), work, options.rounds)
            cells = [f"{np.median(t[200:]) * 1e6:.1f} ({t[:200].mean() * 1e6:.1f})" for t in found]
            print(f"{values:6}  {'  '.join(cells)}", flush=True)


def rows_of(values: int, count: int, seed: int) -> NDArray[np.float32]:
    """Normal records."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(count, 4)) @ np.random.default_rng(0).normal(size=(4, values))
    return (hidden + 0.1 * generator.normal(size=(count, values))).astype(np.float32)


def trained(values: int, folder: Path) -> Bundle:
    """A dense autoencoder."""
    folder.parent.mkdir()
    settings = TrainingSettings(architecture="dense", epochs=3, device="cpu", ordered=True)
    return train(rows_of(values, 4000, 1), folder, settings)


def measured(bundle: Bundle, work: Path, rounds: int) -> list[NDArray[np.float64]]:
    """Seconds of each round, for each mode, one after the other in each round."""
    threads.use(1, bundle.model, 1)
    ways = [_way(bundle, work, mode) for mode in MODES]
    payloads = [row.tobytes() for row in rows_of(bundle.input_spec.shape[0], 4096, 2)]
    seconds = np.empty((len(MODES), rounds))
    for number in range(rounds):
        some = payloads[(number * ROWS) % 4096 :][:ROWS]
        records = Columns.of(
            Record("in", 0, number * ROWS + i, number * 100, None, value)
            for i, value in enumerate(some)
        ).came(1_800_000_000_000 + 100 * number)
        for way in np.random.default_rng(number).permutation(len(MODES)).tolist():
            pipeline, keeper = ways[way]
            began = time.perf_counter()
            outcome = pipeline.step(records)
            if keeper is not None:
                keeper.take(outcome)
            seconds[way, number] = time.perf_counter() - began
    return list(seconds)


def _way(bundle: Bundle, work: Path, mode: str) -> tuple[Pipeline, Keeper | None]:
    body: dict[str, Any] = {
        "model": "m", "kafka": {"topic": "in"}, "codec": {"name": "raw"}, "evidence": mode,
        "state": {"directory": str(work / mode)}, "device": "cpu", "outputs": {"explain": 0},
    }  # fmt: skip
    config = Config.model_validate(body)
    (work / mode).mkdir()
    keeper = build_keeper(config)
    model = build_model(config, bundle, keeper)
    return Pipeline(model.decode, model.scorer, model.judge, picker=model.picker), keeper


if __name__ == "__main__":
    main()
