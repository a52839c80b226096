"""Channels beside batch tests on the same streams: delays, and alarms where nothing has changed.

    python -m benchmarks.channel_rivals [--quick] [--step N] [--normal N]

Models, records and changes are those of `benchmarks.channel_drift`; every N-th feature is changed
in turn. The batch tests of `benchmarks.batch_tests` look at windows of 1,000 and 5,000 records,
those of features at the inputs, the kernel test at the code of the same model. All have the same
budget, one false alarm in 10^6 records. A delay is that of the record that ends the window, or
the block, that told. Writes docs/experiments/channel-rivals.png; about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.batch_tests import FeatureTests, KernelTest
from benchmarks.channel_drift import AFTER, BATCH, BEFORE, CHANGES, Case, case_of
from benchmarks.real_errors import records_of
from models.plots import ALARM, NORMAL, png
from monitor.drift.judge import Judge

Array = NDArray[Any]
Row = dict[str, Any]

ROOT = Path(__file__).parents[1]
OUT, PLOT = ROOT / "out" / "channel-rivals.json", ROOT / "docs/experiments/channel-rivals.png"
CASES: Final = ("tep", "aloi")
WINDOWS: Final = (1000, 5000)
METHODS: Final = (
    "channels", "error alone", *(f"{test}, {w:,}" for test in ("KS", "MMD") for w in WINDOWS)
)  # fmt: skip
COLOURS: Final = (ALARM, "black", NORMAL, "#8ab6d6", "#4a7c59", "#a3c9a8")
MOST_FALSE: Final = 10
"""On the normal stream; with more, what comes after a change is no answer to it."""
NAMES: Final = {"tep": "Tennessee Eastman", "aloi": "ALOI"}


@dataclass(frozen=True)
class Batch:
    """The batch tests of a case. code: of its channels, which hold the code."""

    case: Case
    features: dict[int, FeatureTests]
    kernels: dict[int, KernelTest]
    code: NDArray[np.int64]

    @classmethod
    def of(cls, case: Case, calibration: Array) -> Batch:
        """calibration: the records (n, d) that calibrated the channels."""
        groups = [view.group for view in case.channels.each]
        code = np.array([i for i, group in enumerate(groups) if group == "code"])
        known = case.channels.values[code].T.astype(np.float64)
        features = {w: FeatureTests.of(calibration, w) for w in WINDOWS}
        kernels = {w: KernelTest.of(known, w, np.random.default_rng(w)) for w in WINDOWS}
        return cls(case, features, kernels, code)

    def codes(self, rows: Array) -> Array:
        """What the encoder makes of these records."""
        parts = [
            self.case.scorer.score(rows[i : i + BATCH].astype(np.float32)).channels
            for i in range(0, len(rows), BATCH)
        ]
        return np.concatenate([part[:, self.code] for part in parts if part is not None])

    def alarms(self, rows: Array, before: int) -> dict[str, Iterator[int]]:
        """Where each test alarms: records after the first `before` of them."""
        codes = self.codes(rows)
        found: dict[str, Iterator[int]] = {}
        for w in WINDOWS:
            found[f"KS, {w:,}"] = _windows(w, rows, before, self.features[w].rejects)
            rng = np.random.default_rng([8, w])
            test = self.kernels[w]
            found[f"MMD, {w:,}"] = _windows(w, codes, before, partial(test.rejects, rng=rng))
        return found


def _windows(
    window: int, rows: Array, before: int, rejects: Callable[[Array], bool]
) -> Iterator[int]:
    """Ends of the windows, one after the other, that end after a place and are rejected."""
    for start in range(0, len(rows) - window + 1, window):
        if start + window > before and rejects(rows[start : start + window]):
            yield start + window - before


def _judged(case: Case, judge: Judge, rows: Array) -> Iterator[int]:
    """Records after which a judge's alarm begins."""
    return (at for at, change in case.feed(judge, rows) if change.transition.event == "firing")


def normal_row(case: Case, batch: Batch, records: int) -> Row:
    """Alarms of each method on a stream in which nothing changes."""
    rows = case.normal(60, records)
    row: Row = {"case": case.name, "change": "none", "records": records}
    for on, method in ((True, "channels"), (False, "error alone")):
        row[method] = sum(1 for _ in _judged(case, case.judge(on), rows))
    row |= {method: sum(1 for _ in found) for method, found in batch.alarms(rows, 0).items()}
    return row


def changed_rows(case: Case, batch: Batch, step: int) -> Iterator[Row]:
    """The delay of each method, for each change of every `step`-th feature."""
    calm = {on: case.judge(on) for on in (True, False)}
    before, after = case.normal(0, BEFORE), case.normal(100, AFTER)
    for judge in calm.values():
        for _ in case.feed(judge, before):
            pass
    for column in np.flatnonzero(case.deviation > 0)[::step].tolist():
        for name, change in CHANGES.items():
            changed = after.copy()
            change(changed, column, float(case.deviation[column]), np.random.default_rng(0))
            row: Row = {"case": case.name, "change": name, "feature": column}
            for on, method in ((True, "channels"), (False, "error alone")):
                row[method] = next(_judged(case, copy.deepcopy(calm[on]), changed), None)
            stream = np.concatenate([before, changed])
            for method, found in batch.alarms(stream, BEFORE).items():
                row[method] = next(found, None)
            yield row


def table(rows: list[Row]) -> str:
    """What is printed: found and median delay by change, and false alarms."""
    lines = [
        "| case | change | features | " + " | ".join(METHODS) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(METHODS),
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        for change in CHANGES:
            mine = [r for r in rows if (r["case"], r["change"]) == (case, change)]
            cells = " | ".join(_cell([r[m] for r in mine]) for m in METHODS)
            lines.append(f"| {NAMES[case]} | {change} | {len(mine)} | {cells} |")
        calm = next(r for r in rows if (r["case"], r["change"]) == (case, "none"))
        cells = " | ".join(str(calm[m]) for m in METHODS)
        lines.append(f"| {NAMES[case]} | none: alarms in {calm['records']:,} | | {cells} |")
    return "\n".join(lines)


def _cell(delays: list[int | None]) -> str:
    found = sum(each is not None for each in delays)
    median = float(np.quantile([each or math.inf for each in delays], 0.5, method="higher"))
    share = "" if found == len(delays) else f" ({found / len(delays):.0%})"
    return (f"{median:,.0f}" if math.isfinite(median) else "-") + share


def plot(rows: list[Row]) -> bytes:
    """Delays by case and change, each feature a dot, with each method's false alarms: PNG."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    figure = Figure(figsize=(11, 4.2 * len(cases)), layout="constrained")
    rng, wide = np.random.default_rng(0), 1.0 / (len(METHODS) + 1.5)
    for axes, case in zip(figure.subplots(len(cases), 1, squeeze=False)[:, 0], cases, strict=True):
        calm = next(r for r in rows if (r["case"], r["change"]) == (case, "none"))
        for i, (method, colour) in enumerate(zip(METHODS, COLOURS, strict=True)):
            blind = calm[method] > MOST_FALSE
            label = f"{method}: {calm[method]} false alarms" + ", tells nothing" * blind
            for at, change in enumerate(CHANGES):
                mine = [r for r in rows if (r["case"], r["change"]) == (case, change)]
                delays = np.array([r[method] or 2 * AFTER for r in mine])
                x = at + (i - (len(METHODS) - 1) / 2) * wide
                spread = rng.uniform(-0.25, 0.25, len(mine)) * wide
                axes.plot(x + spread, delays, ".", color=colour, alpha=0.35, markersize=5)
                axes.plot([x - 0.4 * wide, x + 0.4 * wide], 2 * [np.median(delays)],
                          color=colour, linewidth=3, linestyle=":" if blind else "-",
                          label=None if at else label)  # fmt: skip
        axes.set(yscale="log", xticks=range(len(CHANGES)), xticklabels=list(CHANGES),
                 ylim=(50, 3 * AFTER), ylabel="records to the alarm",
                 title=f"{NAMES[case]}: one feature changed; false alarms in"
                       f" {calm['records']:,} normal records")  # fmt: skip
        axes.set_yticks([100, 1000, 10_000, 2 * AFTER], ["100", "1,000", "10,000", "not found"])
        axes.grid(axis="y", alpha=0.3)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return png(figure)


def main() -> None:
    """Measure, write out/channel-rivals.json and the picture, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="three features, 20,000 normal records"
    )
    parser.add_argument("--step", type=int, default=3, help="between features that are changed")
    parser.add_argument("--normal", type=int, default=200_000, help="records of normal streams")
    asked = parser.parse_args()
    rows: list[Row] = []
    for name in CASES:
        start = time.monotonic()
        case, calibration = case_of(name), records_of(name)[0].calibration
        batch = Batch.of(case, calibration)
        step = math.ceil((case.deviation > 0).sum() / 3) if asked.quick else asked.step
        rows.append(normal_row(case, batch, 20_000 if asked.quick else asked.normal))
        rows += changed_rows(case, batch, step)
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows))
    if not asked.quick:
        PLOT.write_bytes(plot(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
