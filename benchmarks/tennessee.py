"""The faults of Tennessee Eastman: how soon replay finds each, beside PCA and dynamic PCA.

    python -m benchmarks.tennessee [--arch NAME]

A model learns the normal run d00, is calibrated on the normal run d00_te, and replays the 21
faulty runs dNN_te: 960 samples, one every 3 minutes, the fault beginning after sample 160. The
drift test has a budget of one false alarm in 100,000 records, once with the error alone, once
with channels. Beside it, as Chiang, Russell and Braatz (Fault Detection and Diagnosis in
Industrial Systems, Springer 2001) count delays: the first of six consecutive samples above a
threshold that 1% of the normal run d00_te exceed; for our error, and for T2 and SPE of a PCA and
of a dynamic PCA (two lags) on d00, whose components parallel analysis chooses. A delay is in
minutes from the beginning of the fault. What is found among the first 160 samples is false: "(f)"
marks a run with such an alarm, "in alarm" one in which it lasted, so that the fault brought none.

Needs tep_braatz.npz in AEAD_DATA (see `tests/data.py`). Prints a table, Markdown; writes
out/tennessee.json. Half a minute on a core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from models.conduct import Conduct
from models.description import Description
from models.recipe import train
from models.schema import Schema
from models.settings import TrainingSettings
from models.splits import Split
from monitor.backtest.backtest import Backtest
from monitor.backtest.file_past import FilePast
from monitor.backtest.times import Even
from monitor.config import file as config_file
from monitor.datasets import Reading, fitting
from monitor.process import logs
from tests.data import DATA

Array = NDArray[np.float64]

OUT: Final = Path(__file__).parents[1] / "out" / "tennessee.json"
FAULTS: Final = range(1, 22)
NORMAL, MINUTES, RUN, LEVEL, LAGS = 160, 3, 6, 0.99, 2
"""Samples before the fault, minutes of one, and how delays of single samples are counted."""
REPEATED: Final = 5
"""The run whose first 160 samples are those of run 4, number for number: counted once."""
BUDGET: Final = "1 per 1e5 records"


@dataclass(frozen=True)
class Found:
    """Of one run. delay: minutes from the fault to the alarm, None if there was none. false: alarms
    before it. named: the channel that was named first, or ""."""

    delay: int | None
    false: int
    named: str = ""


Finds = Callable[[Array], Found]


def runs() -> dict[str, Array]:
    """All runs of the data set, (samples, 52)."""
    path = DATA / "tep_braatz.npz"
    if not path.exists():
        raise SystemExit(f"{path.name} is not in {DATA}. Set AEAD_DATA to the folder with it.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: np.asarray(arrays[name], dtype=np.float64) for name in arrays.files}


def names() -> tuple[str, ...]:
    """The 41 measurements and 11 manipulated variables, as Downs and Vogel number them."""
    return (*(f"XMEAS {i}" for i in range(1, 42)), *(f"XMV {i}" for i in range(1, 12)))


def bundle(found: Mapping[str, Array], arch: str, folder: Path) -> Path:
    """Trained on d00, calibrated on d00_te, in this order of time."""
    training, calibration = found["d00"], found["d00_te"]
    count = len(training)
    parts = Split(
        np.arange(count - count // 10),
        np.arange(count - count // 10, count),
        np.arange(count, count + len(calibration)),
    )
    settings = TrainingSettings(arch, device="cpu", ordered=True)
    records = np.concatenate([training, calibration])
    described = Description(Schema.numbers(names()))
    train(records, folder / arch, settings, Conduct(card=False), described, parts)
    return folder / arch


def replays(model: Path, channels: str, folder: Path) -> Finds:
    """What replays a run with the drift test."""
    config = folder / f"{channels}.yaml"
    drift = {"false_alarms": BUDGET, "guard_seconds": 0, "channels": channels}
    body: dict[str, Any] = {
        "model": str(model), "device": "cpu", "kafka": {"topic": "plant"},
        "codec": {"name": "raw"}, "drift": drift, "evidence": "off",
    }  # fmt: skip
    config.write_text(yaml.safe_dump(body))
    return lambda records: _replayed(config, records, folder)


def _replayed(config: Path, records: Array, folder: Path) -> Found:
    np.save(folder / "run.npy", records)
    backtest = Backtest(config_file.load(str(config)))
    asked = Reading(by_position=True)
    parts = fitting.blocks(str(folder / "run.npy"), None, backtest.spec, asked)
    past = FilePast(parts, "run", Even(1 / (60 * MINUTES)), backtest)
    fired = [n for n in backtest.run(past).noted if n.event == "firing"]
    false = sum(n.records <= NORMAL for n in fired)
    true = [n for n in fired if n.records > NORMAL]
    if not true:
        return Found(None, false)
    moved = true[0].change.verdict.channels
    named = (moved[0].feature or moved[0].channel) if moved else ""
    return Found(MINUTES * (true[0].records - NORMAL), false, named)


def singly(statistic: Callable[[Array], Array], normal: Array) -> Finds:
    """What looks for RUN consecutive samples above the threshold of a normal run."""
    threshold = float(np.quantile(statistic(normal), LEVEL))
    return lambda records: found_singly(statistic(records) > threshold)


def found_singly(above: NDArray[np.bool_]) -> Found:
    """Runs of RUN samples; each counts from its first, as in the book."""
    begins = [
        i
        for i in range(len(above) - RUN + 1)
        if above[i : i + RUN].all() and not (i and above[i - 1])
    ]
    before = [i for i in begins if i + RUN <= NORMAL]
    true = [i for i in begins if i + RUN > NORMAL]
    delay = None if not true else MINUTES * (max(true[0], NORMAL) - NORMAL + 1)
    return Found(delay, len(before))


@dataclass(frozen=True)
class Pca:
    """Principal components of training samples (n, d), with lags samples of before to each."""

    mean: Array
    deviation: Array
    directions: Array
    variances: Array
    lags: int

    @classmethod
    def fitted(cls, training: Array, lags: int) -> Pca:
        """As many components as parallel analysis says: those whose variance is above the 95%
        quantile of what 50 tables of independent noise have there (Horn, 1965)."""
        samples = lagged(training, lags)
        mean, deviation = samples.mean(0), samples.std(0, ddof=1)
        scaled = (samples - mean) / deviation
        _, values, directions = np.linalg.svd(scaled, full_matrices=False)
        variances = values**2 / (len(samples) - 1)
        rng = np.random.default_rng(0)
        noise = [
            np.linalg.svd(_standard(rng.standard_normal(samples.shape)), compute_uv=False) ** 2
            for _ in range(50)
        ]
        level = np.quantile(np.array(noise) / (len(samples) - 1), 0.95, axis=0)
        count = int(np.argmin(variances > level))
        return cls(mean, deviation, directions[:count].T, variances[:count], lags)

    def t2(self, records: Array) -> Array:
        """Hotelling's T2 of each sample, (n,); 0 of the first, which have no lags."""
        scores = self._scaled(records) @ self.directions  # (n, components)
        return self._padded((scores**2 / self.variances).sum(1))

    def spe(self, records: Array) -> Array:
        """Squared prediction error of each sample, the same."""
        scaled = self._scaled(records)
        rest = scaled - scaled @ self.directions @ self.directions.T
        return self._padded((rest**2).sum(1))

    def _scaled(self, records: Array) -> Array:
        return (lagged(records, self.lags) - self.mean) / self.deviation

    def _padded(self, values: Array) -> Array:
        return np.concatenate([np.zeros(self.lags), values])


def _standard(table: Array) -> Array:
    return np.asarray((table - table.mean(0)) / table.std(0, ddof=1))


def lagged(records: Array, lags: int) -> Array:
    """Each sample (n, d) beside those before it: (n - lags, d * (lags + 1))."""
    count = len(records) - lags
    return np.concatenate([records[lags - i : lags - i + count] for i in range(lags + 1)], axis=1)


def methods(found: Mapping[str, Array], arch: str, folder: Path) -> dict[str, Finds]:
    """All that is compared, by name."""
    model = bundle(found, arch, folder)
    drift = {f"drift, {name}": replays(model, channels, folder)
             for name, channels in (("error", "off"), ("channels", "standard"))}  # fmt: skip
    scorer = Backtest(config_file.load(str(folder / "off.yaml"))).model.scorer
    plain, dynamic = Pca.fitted(found["d00"], 0), Pca.fitted(found["d00"], LAGS)
    print(f"components: PCA {plain.variances.size}, dynamic PCA {dynamic.variances.size}")
    statistics: dict[str, Callable[[Array], Array]] = {
        "error, 6 in a row": lambda records: scorer.score(records).reconstruction_error,
        "PCA T2": plain.t2,
        "PCA SPE": plain.spe,
        "DPCA T2": dynamic.t2,
        "DPCA SPE": dynamic.spe,
    }
    normal = found["d00_te"]
    return drift | {name: singly(each, normal) for name, each in statistics.items()}


def measured(found: Mapping[str, Array], arch: str, folder: Path) -> dict[str, dict[int, Found]]:
    """Of each method and fault."""
    return {
        name: {fault: finds(found[f"d{fault:02d}_te"]) for fault in FAULTS}
        for name, finds in methods(found, arch, folder).items()
    }


def table(rows: Mapping[str, Mapping[int, Found]]) -> str:
    """A line for each fault; then how many were found, and false alarms before the faults."""
    named = rows["drift, channels"]
    lines = [
        f"| fault | {' | '.join(rows)} | named first |",
        f"| --- |{' ---: |' * len(rows)} --- |",
    ]
    for fault in FAULTS:
        cells = [_cell(each[fault]) for each in rows.values()]
        lines.append(f"| {fault} | {' | '.join(cells)} | {named[fault].named or '-'} |")
    found = [str(sum(f.delay is not None for f in each.values())) for each in rows.values()]
    false = [
        str(sum(f.false for fault, f in each.items() if fault != REPEATED))
        for each in rows.values()
    ]
    lines.append(f"| found, of 21 | {' | '.join(found)} | |")
    lines.append(f"| false, in 3,200 normal samples | {' | '.join(false)} | |")
    return "\n".join(lines)


def _cell(found: Found) -> str:
    if found.delay is None:
        return "in alarm" if found.false else "-"
    return f"{found.delay:,}{' (f)' if found.false else ''}"


def main() -> None:
    """Measure, write out/tennessee.json, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="linear", help="of the model (default: linear)")
    asked = parser.parse_args()
    logs.configure("error", "console")
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(runs(), asked.arch, Path(folder))
    OUT.parent.mkdir(exist_ok=True)
    body = {name: {f: vars(each) for f, each in found.items()} for name, found in rows.items()}
    OUT.write_text(json.dumps(body))
    print(table(rows))


if __name__ == "__main__":
    main()
