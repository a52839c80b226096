"""Drift on real reconstruction errors: false alarms, delays, and streams with a cycle.

    python -m benchmarks.real_drift [--quick] [--cases NAME ...]

The errors are those of `benchmarks.real_errors`; the judge has the daemon's defaults. Streams are
bootstrapped in blocks that keep their dependence: single records where records are a random
draw, whole runs or whole weeks elsewhere. Such a random draw is in order, whatever its order:
its reference is declared ordered, which saves learning how far neighbours depend on each other.
A bootstrap repeats m records for much longer than m: their own sampling error is then a fact of
the stream. The promise covers it if no bet gains on it, so if the largest mean is at most 1.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from benchmarks.judged import Found, bettor, feed
from benchmarks.real_errors import CASES, Errors, load
from benchmarks.real_records import WEEK
from benchmarks.streams import CYCLE, CYCLES, null
from models.distribution import bucket_index
from models.plots import ALARM, NORMAL, png
from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Row = dict[str, Any]

ROOT = Path(__file__).parents[1]
OUT, PLOT = ROOT / "out" / "real-drift.json", ROOT / "docs" / "experiments" / "real-drift.png"
BLOCKS = {"tep": 160, "electricity": WEEK}
"""Records that stay together in a bootstrap, by the first word of a case; 1 for the others."""
DRIFTING = ("electricity", "electricity-year")
"""Their normal part drifts for real: an alarm there is not false."""
BEFORE, AFTER, NULLS = 20_480, 100_000, 3
"""Records before and after a change, and how many normal streams are drawn."""
GUARDS = (0.0, JudgeSettings().guard_seconds)
TOLERANCES = (0.05, 0.1, 0.2)
FACTORS = (1.2, 1.5, 2.0)
PHASES = {"24": (24, 1), "48": (48, 1), "168": (WEEK, 2)}
"""Places in a cycle, and how many make a phase: 48 half-hours of a day, 168 hours of a week."""
TABLES = {
    "null": "case {case} | as it is {once} | firings {firing} in {records:.0e} | pending {pending}"
    " | transient {transient} | dependence {start:.1f}, {learned:.1f} | median ratio {ratio:.3f}"
    " | KS (p) {ks:.3f} ({ks_p}) | largest mean {largest_mean:.4f} | floor {floor:.0%}",
    "real": "case {case} | record {at:,} | event {event} | since {since} | direction {direction}"
    " | ratio {ratio:.2f} | words {words}",
    "delay": "case {case} | change {change} | ratio {ratio:.2f} | no guard {waits[0][text]}"
    " | guard {waits[1][text]} | direction: words {said} | early {early}",
    "cycle": "stream {case} | phases {phases} | tolerance {tolerance:.0%} | firings per 10^6"
    " {false:.2f} | alarm stands {standing:.0%} | dependence {dependence:.1f} | early {early}"
    " | x1.2 {waits[0][text]} | x1.5 {waits[1][text]} | x2 {waits[2][text]}",
}
"""The columns of each table: heading and format."""


def block_of(case: str) -> int:
    """Records of the case that stay together in a bootstrap."""
    return BLOCKS.get(case.split("-")[0], 1)


def judge_of(calibration: Array, **changes: Any) -> Judge:
    """A judge of default settings, but for the changes."""
    return Judge("0" * 16, Reference.calibrate(calibration, ordered=True), JudgeSettings(**changes))


def drawn(rng: np.random.Generator, length: int, block: int, n: int) -> Places:
    """Places in a stream of this length: whole blocks, drawn at random, of n records or more."""
    firsts = rng.integers(length // block, size=-(-n // block)) * block
    return np.asarray(firsts[:, None] + np.arange(block)).ravel()


def at(found: Found, event: str) -> list[int]:
    """After how many records the event came, each time."""
    return [rows for rows, change in found if change.transition.event == event]


def standing(found: Found, records: int) -> float:
    """Share of the records at which an alarm stood."""
    begun, ended = at(found, "firing"), [*at(found, "resolved"), records]
    return (sum(ended[: len(begun)]) - sum(begun)) / records


def largest_mean(judge: Judge, stream: Array) -> float:
    """The largest mean of any bet on the stream: above 1 it is not what was calibrated on."""
    bets = bettor(judge).bets
    bins = bets.bin_of_bucket[bucket_index(stream / judge.unit)]
    shares = np.bincount(bins, minlength=bets.bins) / len(stream)
    return float((shares @ np.exp(bets.log_factors)).max())


def false_alarms(case: str, errors: Errors, records: int) -> Row:
    """What a judge says of the normal stream, as it is and bootstrapped."""
    block, events, learned = block_of(case), Counter[str](), 0.0
    once = feed(judge_of(errors.calibration), errors.stream)
    for seed in range(NULLS):
        judge, rng = judge_of(errors.calibration), np.random.default_rng([1, seed])
        places = drawn(rng, len(errors.stream), block, records)[:records]
        events.update(c.transition.event for _, c in feed(judge, errors.stream[places]))
        learned = max(learned, judge.detector.dependence)
    fresh, ks = judge_of(errors.calibration), ks_2samp(errors.calibration, errors.stream)
    return {
        "part": "null", "case": case, "records": NULLS * records,
        "once": len(at(once, "firing")), "once_records": len(errors.stream),
        **{event: events[event] for event in ("firing", "pending", "transient")},
        "start": fresh.detector.dependence, "learned": learned,
        "ratio": float(np.median(errors.stream) / np.median(errors.calibration)),
        "ks": float(ks.statistic), "ks_p": f"{ks.pvalue:.2g}" if block == 1 else "-",
        "largest_mean": largest_mean(fresh, errors.stream), "floor": fresh.verdict.promise.floor,
    }  # fmt: skip


def real_drift(case: str, errors: Errors) -> Iterable[Row]:
    """What the judge says of a normal stream that does drift, at a record in half an hour."""
    judge = judge_of(errors.calibration, guard_seconds=0.0, cooldown_seconds=0.0)
    for rows, change in feed(judge, errors.stream):
        verdict, event = change.verdict, change.transition.event
        yield {
            "part": "real", "case": case, "at": rows, "event": event, "words": verdict.explanation,
            "since": rows - verdict.onset.rows if verdict.onset else "-",
            "direction": verdict.direction, "ratio": verdict.ratio.value,
        }  # fmt: skip


def delays(case: str, errors: Errors, guard: float, seed: int) -> dict[str, Found] | None:
    """Each change and what the judge then found; None if it fires before there is any."""
    rng, block = np.random.default_rng([2, seed]), block_of(case)
    calm = judge_of(errors.calibration, guard_seconds=guard)
    places = drawn(rng, len(errors.stream), block, BEFORE)[-BEFORE:]
    if at(feed(calm, errors.stream[places]), "firing"):
        return None
    return {
        name: fed(calm, changed[drawn(rng, len(changed), block, AFTER)[:AFTER]])
        for name, changed in errors.changed.items()
    }


def fed(calm: Judge, after: Array) -> Found:
    """What a copy of the judge finds from the change on, until it fires."""
    return feed(copy.deepcopy(calm), after, first=BEFORE, stop="firing")


def changes(case: str, errors: Errors, seeds: int) -> Iterable[Row]:
    """Records from each change to its alarm, for each guard; without early seeds."""
    runs = [[delays(case, errors, guard, seed) for seed in range(seeds)] for guard in GUARDS]
    for name, changed in errors.changed.items():
        found = [[run[name] for run in of_guard if run] for of_guard in runs]
        ends = [of_run[-1][1].verdict for of_run in found[0] + found[1] if at(of_run, "firing")]
        said = Counter(f"{v.direction}: {v.explanation.split(';')[0]}" for v in ends)
        yield {
            "part": "delay", "case": case, "change": name, "early": [r.count(None) for r in runs],
            "ratio": float(np.median(changed) / np.median(errors.calibration)),
            "waits": [spread(of_guard) for of_guard in found],
            "said": max(said, key=said.__getitem__, default="-"),
        }  # fmt: skip


def spread(found: Sequence[Found]) -> Row:
    """Records to the alarm: median and 95th percentile, None if not found; and how many were."""
    waits = [changes[-1][0] - BEFORE if at(changes, "firing") else np.inf for changes in found]
    high = np.quantile(waits or [np.inf], [0.5, 0.95], method="higher")
    median, p95 = (float(v) if np.isfinite(v) else None for v in high)
    text = " / ".join("-" if v is None else f"{v:,.0f}" for v in (median, p95))
    hits = int(np.isfinite(waits).sum())
    text += f" ({hits} of {len(waits)})" * (hits < len(waits))
    return {"median": median, "p95": p95, "found": hits, "runs": len(waits), "text": text}


def cyclic(kind: str, n: int, seed: int) -> tuple[Array, Places, Array, Places]:
    """Calibration errors over whole cycles and n others, each with its place in the cycle."""
    if kind not in CYCLES:
        errors, rng = load(kind), np.random.default_rng([3, seed])
        places = drawn(rng, len(errors.stream), WEEK, n)[:n]
        return errors.calibration, np.arange(len(errors.calibration)), errors.stream[places], places
    made = list[Any]()
    for part, size in enumerate((CYCLE, n)):
        offset = np.random.default_rng([3, seed, part]).random()  # as the first that null draws
        made += [null(kind, size, np.random.default_rng([3, seed, part]))]
        made += [(24 * (np.arange(size) / CYCLE + offset)).astype(int)]
    return tuple(made)


def variant(kind: str, phases: str, n: int, seed: int) -> tuple[Array, Array]:
    """Calibration errors and stream, as they are or over their phase's median in calibration."""
    calibration, places, stream, later = cyclic(kind, n, seed)
    if phases in PHASES:
        cycle, joined = PHASES[phases]
        phase, then = places % cycle // joined, later % cycle // joined
        medians = np.array([np.median(calibration[phase == p]) for p in range(int(phases))])
        return calibration / medians[phase], stream / medians[then]
    return calibration, stream


def cycles(kind: str, phases: str, tolerance: float, records: int, seeds: int) -> Row:
    """False alarms and delays on a stream with a cycle."""
    found, waits = list[Found](), list[list[Found]]()
    for seed in range(NULLS):
        calibration, errors = variant(kind, phases, records, seed)
        found.append(feed(judge_of(calibration, tolerance=tolerance), errors))
    for seed in range(100, 100 + seeds):
        calibration, errors = variant(kind, phases, BEFORE + AFTER, seed)
        calm = judge_of(calibration, tolerance=tolerance, guard_seconds=0.0)
        if not at(feed(calm, errors[:BEFORE]), "firing"):
            waits.append([fed(calm, factor * errors[BEFORE:]) for factor in FACTORS])
    return {
        "part": "cycle", "case": kind, "phases": phases, "tolerance": tolerance,
        "false": float(np.mean([len(at(f, "firing")) for f in found])) * 1e6 / records,
        "standing": float(np.mean([standing(f, records) for f in found])),
        "dependence": calm.detector.dependence, "early": seeds - len(waits),
        "waits": [spread([of_seed[n] for of_seed in waits]) for n in range(len(FACTORS))],
    }  # fmt: skip


def table(rows: Sequence[Row], columns: str) -> str:
    """Rows in Markdown."""
    headings, cells = zip(*(c.split(" {", 1) for c in columns.split(" | ")), strict=True)
    lines = [" | ".join(headings), " | ".join("---" for _ in headings)]
    lines += [" | ".join("{" + cell for cell in cells).format(**row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def plot(rows: Sequence[Row]) -> bytes:
    """Median and 95th percentile of the delays with the guard, a panel for each case."""
    cases = dict.fromkeys(row["case"] for row in rows)
    rows_of_panels = -(-len(cases) // 2)
    figure = Figure(figsize=(13, 2.4 * rows_of_panels), layout="constrained")
    panels = figure.subplots(rows_of_panels, 2, sharex=True).ravel()
    for axes in panels[len(cases) :]:
        axes.remove()
    for axes, case in zip(panels, cases, strict=False):
        here = {r["change"]: r["waits"] for r in rows if r["case"] == case}
        for n, (guard, colour) in enumerate(zip(GUARDS, (NORMAL, ALARM), strict=True)):
            low, high = ([w[n][q] or 2 * AFTER for w in here.values()] for q in ("median", "p95"))
            axes.hlines(list(here), low, high, color=colour, alpha=0.4)
            axes.plot(low, list(here), "o", color=colour, label=f"guard {guard:g} s")
        axes.axvline(AFTER, color="grey", linestyle=":")
        axes.set(xscale="log", title=case, xlabel="records to the alarm; right of the line: none")
        axes.tick_params(labelbottom=True)  # also where nothing stands below
        axes.invert_yaxis()
    panels[0].legend()
    return png(figure)


def measured(cases: Sequence[str], records: int, seeds: int) -> Iterable[Row]:
    """All rows, as they are found; streams with a cycle if all cases are asked for."""
    calm = {case: load(case) for case in cases if case not in DRIFTING}
    yield from (false_alarms(case, errors, records) for case, errors in calm.items())
    for case in DRIFTING:
        if case in cases:
            yield from real_drift(case, load(case))
    for case, errors in calm.items():
        yield from changes(case, errors, seeds)
    if set(cases) != set(CASES):
        return
    for kind in (*CYCLES, "electricity-weeks"):
        by_phase = ("24",) if kind in CYCLES else ("48", "168")
        settings = [("-", t) for t in TOLERANCES] + [(p, TOLERANCES[0]) for p in by_phase]
        for phases, tolerance in settings:
            yield cycles(kind, phases, tolerance, 2 * records // 3, seeds)


def main() -> None:
    """Measure, and write rows, plot and tables."""
    parser = argparse.ArgumentParser(description="Drift on real reconstruction errors.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter streams")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, metavar="NAME",
                        help=f"some of {', '.join(CASES)}")  # fmt: skip
    asked = parser.parse_args()
    rows, size = list[Row](), (1_000_000, 5) if asked.quick else (3_000_000, 10)
    for row in measured(asked.cases, *size):
        rows.append(row)
        print(f"{time.process_time():5.0f} s {str(row)[:110]}", file=sys.stderr, flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if set(asked.cases) == set(CASES):
        PLOT.write_bytes(plot([row for row in rows if row["part"] == "delay"]))
    for part, columns in TABLES.items():
        print(table([row for row in rows if row["part"] == part], columns))


if __name__ == "__main__":
    main()
