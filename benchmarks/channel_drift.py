"""Drift in one feature of real tables: how soon channels find it, and whether they name it.

    python -m benchmarks.channel_drift [--quick] [--seeds N] [--case NAME ...]

Models and records are those of `benchmarks.real_errors`. Each feature that varies is changed in
turn: stuck at its first value, half a standard deviation higher, noise of one standard deviation.
Normal streams, and what comes before a change, are bootstrapped as in `benchmarks.real_drift`; the
budget is one in 10^6, the tolerance 5%, without guard.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.real_drift import block_of, drawn
from benchmarks.real_errors import fitted, records_of
from benchmarks.real_records import Records
from models.bundle import Bundle
from models.channels import Channels
from models.reference import Reference
from models.settings import TrainingSettings
from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.pipeline.feeding import feed
from monitor.pipeline.scorer import Scorer

Array = NDArray[np.float64]
Row = dict[str, Any]

OUT = Path(__file__).parents[1] / "out" / "channel-drift.json"
CASES = ("tep", "aloi", "celeba", "electricity-weeks")
OTHERS = ("tep-ladder", "aloi-ladder", "celeba-ladder")
"""The same records with the model that `train` takes by itself."""
BEFORE, AFTER, NORMAL, BATCH = 8192, 20_000, 200_000, 1024
RATE = 500.0
SETTINGS = JudgeSettings(guard_seconds=0.0, budget=Budget(1, 1e6, None))
VERSION = "0" * 16


def _stuck(x: Array, column: int, deviation: float, rng: np.random.Generator) -> None:
    x[:, column] = x[0, column]


def _offset(x: Array, column: int, deviation: float, rng: np.random.Generator) -> None:
    x[:, column] += 0.5 * deviation


def _noise(x: Array, column: int, deviation: float, rng: np.random.Generator) -> None:
    x[:, column] += deviation * rng.standard_normal(len(x))


CHANGES: dict[str, Callable[[Array, int, float, np.random.Generator], None]] = {
    "stuck": _stuck,
    "offset 0.5": _offset,
    "noise 1": _noise,
}


@dataclass(frozen=True)
class Case:
    """A model with its judge. deviation: of each feature in training, (d,)."""

    name: str
    scorer: Scorer
    channels: Channels
    reference: Reference
    stream: Array
    deviation: Array

    def judge(self, channels: bool = True) -> Judge:
        """One that has seen nothing."""
        return Judge(VERSION, self.reference, SETTINGS, self.channels if channels else None)

    def normal(self, seed: int, rows: int) -> Array:
        """A normal stream."""
        block = block_of(self.name)
        places = drawn(np.random.default_rng([3, seed]), len(self.stream), block, rows)
        return np.asarray(self.stream[places[:rows]], dtype=np.float64)

    def feed(self, judge: Judge, records: Array) -> Iterator[tuple[int, Change]]:
        """Changes of state, and after how many of these records."""
        first = judge.rows
        starts = range(0, len(records), BATCH)
        scored = (self.scorer.score(records[i : i + BATCH].astype(np.float32)) for i in starts)
        for rows, change in feed(judge, scored, RATE):
            yield rows - first, change


def case_of(name: str) -> Case:
    """Train its model, calibrate errors and channels."""
    records, settings = records_of(name)
    scorer, channels, reference = calibrated(name, records, settings)
    deviation = np.asarray(records.training, dtype=np.float64).std(axis=0)
    stream = np.asarray(records.stream, dtype=np.float64)
    return Case(name, scorer, channels, reference, stream, deviation)


def calibrated(
    name: str, records: Records, settings: TrainingSettings
) -> tuple[Scorer, Channels, Reference]:
    """A model of these records, with its channels and the reference of its errors."""
    torch.set_num_threads(1)
    model, spec = fitted(records.training, settings)
    metric = settings.error_metric
    # A random draw is in order, whatever its order: see `benchmarks.real_drift`.
    channels = Channels.calibrate(
        model, spec, metric, records.training, records.calibration, ordered=True
    )
    if channels is None:
        raise SystemExit(f"{name}: nothing varies")
    bundle = Bundle(
        VERSION, model.architecture, spec, Reference.calibrate(np.ones(1000)), model, metric, {},
        Path(), channels=channels,
    )  # fmt: skip
    scorer = Scorer(bundle, "cpu", 256, channels)
    errors = scorer.score(records.calibration).reconstruction_error
    return scorer, channels, Reference.calibrate(errors, ordered=True)


def rows_of(case: Case, seeds: int, step: int) -> Iterator[Row]:
    """A row for each change of each feature and seed; first, of normal streams."""
    for seed in range(seeds):
        alone = [
            c.transition.event for _, c in case.feed(case.judge(), case.normal(50 + seed, NORMAL))
        ]
        yield {"case": case.name, "change": "none", "seed": seed, "fired": alone.count("firing")}
    for seed in range(seeds):
        calm = {on: case.judge(on) for on in (True, False)}
        before, after = case.normal(seed, BEFORE), case.normal(seed + 100, AFTER)
        if any(
            c.transition.event == "firing" for j in calm.values() for _, c in case.feed(j, before)
        ):
            yield {"case": case.name, "change": "none", "seed": seed, "fired": 1}
            continue
        for column in np.flatnonzero(case.deviation > 0)[::step].tolist():
            for change in CHANGES:
                yield _found(case, calm, after, change, column, seed)


def _found(
    case: Case, calm: dict[bool, Judge], after: Array, change: str, column: int, seed: int
) -> Row:
    changed = after.copy()
    CHANGES[change](changed, column, float(case.deviation[column]), np.random.default_rng(seed))
    row: Row = {"case": case.name, "change": change, "seed": seed, "feature": column}
    for on, judge in calm.items():
        found = case.feed(copy.deepcopy(judge), changed)
        fired = next(
            ((rows, c.verdict) for rows, c in found if c.transition.event == "firing"), None
        )
        row["channels" if on else "error"] = fired[0] if fired else None
        if on and fired and fired[1].channels:
            row["named"] = fired[1].channels[0].feature == f"feature {column}"
            row["kind"] = fired[1].kind
    return row


def table(rows: list[Row]) -> str:
    """What is printed: a line for each case and change."""
    lines = [
        "| case | change | features x seeds | found | median | 90% | worst | named first"
        " | error alone |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        for change in CHANGES:
            mine = [r for r in rows if (r["case"], r["change"]) == (case, change)]
            if mine:
                lines.append(_line(case, change, mine))
        none = [r["fired"] for r in rows if (r["case"], r["change"]) == (case, "none")]
        lines.append(f"| {case} | none | {len(none)} streams | fired {sum(none)} | | | | | |")
    return "\n".join(lines)


def _line(case: str, change: str, rows: list[Row]) -> str:
    delays = np.array([r["channels"] or np.inf for r in rows])
    alone = np.array([r["error"] or np.inf for r in rows])
    named = [r["named"] for r in rows if "named" in r]
    at = [float(np.quantile(delays, q, method="higher")) for q in (0.5, 0.9, 1)]
    shown = " | ".join(f"{each:,.0f}" if np.isfinite(each) else "-" for each in at)
    found = np.isfinite(alone)
    own = f"{found.mean():.0%}, median {np.median(alone[found]):,.0f}" if found.any() else "none"
    return (
        f"| {case} | {change} | {len(rows)} | {np.isfinite(delays).mean():.0%} | {shown}"
        f" | {np.mean(named) if named else 0:.0%} | {own} |"
    )


def measured(cases: Sequence[str], seeds: int, step: int) -> list[Row]:
    """All rows. seeds: normal streams before and after. step: between features that are changed."""
    rows: list[Row] = []
    for name in cases:
        start = time.monotonic()
        case = case_of(name)
        rows += rows_of(case, seeds, step)
        print(f"{name}: {len(case.channels.kept)} channels, {time.monotonic() - start:.0f} s")
    return rows


def main() -> None:
    """Measure, write out/channel-drift.json, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, every tenth feature")
    parser.add_argument("--seeds", type=int, default=3, help="streams of each change (default 3)")
    parser.add_argument(
        "--case", nargs="+", choices=(*CASES, *OTHERS), default=CASES, help="these alone"
    )
    asked = parser.parse_args()
    rows = measured(asked.case, 1, 10) if asked.quick else measured(asked.case, asked.seeds, 1)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
