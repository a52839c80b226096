"""Drift on streams with a daily or weekly cycle, with and without a context of the errors.

    python -m benchmarks.cycles [--seeds 10] [--records 500000] [--checks 100] [--case CASE ...]

Streams: lognormal errors (spread 1) whose level is a sine over a day of 200,000 records, calibrated
on 20,000 records drawn at random from two weeks; none at all, the same without the sine; slow, a
record in half an hour without a cycle, whose neighbours depend on each other (0.9); and the errors
of Electricity, half-hours of whole weeks in turns (`benchmarks.real_errors`).

Ways: a tolerance of 5%, the tolerance that is needed for the stream not to fire, and 5% with what
`--context auto` makes of the calibration; on Electricity `hour` and `week` as asked. Each seed
draws its own stream, and its own calibration but for Electricity. Budget of one in 10^6 records, no
guard; a change falls at any hour, 20,480 records after the start.

Rows are added to `out/cycles.json`; the tables are of all that is there.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.judged import feed
from models.context import Context
from models.context_fit import fit_context
from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Row = dict[str, Any]

OUT: Final = Path(__file__).parents[1] / "out" / "cycles.json"
DAY: Final = 86_400_000
MONDAY: Final = 1_699_833_600_000
A_DAY: Final = 200_000
"""Records of a simulated day."""
CALIBRATION, CALIBRATION_DAYS = 20_000, 14
HALF_HOUR, WEEK = DAY // 48, 336
BEFORE, AFTER = 20_480, 100_000
FACTORS: Final = (1.2, 1.5, 2.0)
TOLERANCE: Final = 0.05
NEEDED: Final = {"sine 10%": 0.1, "sine 20%": 0.2, "sine 50%": 0.5}
"""Where the usual tolerance is not enough."""
CASES: Final = ("none", "slow", *NEEDED, "electricity")


class Part(NamedTuple):
    """Errors (n,) and the moments of their records, in milliseconds since the epoch."""

    errors: Floats
    moments: Index


def sine(case: str, moments: Index, rng: np.random.Generator) -> Part:
    """Lognormal errors whose level is a sine of the case's amplitude over the day."""
    level = np.log1p(NEEDED.get(case, 0.0)) * np.sin(2 * np.pi * moments / DAY)
    return Part(np.exp(level + rng.standard_normal(moments.size)), moments)


def half_hours(count: int, first: int = 0) -> Index:
    """Consecutive ones from a Monday on."""
    return MONDAY + (first + np.arange(count)) * HALF_HOUR


def slow(count: int, rng: np.random.Generator) -> Part:
    """A record in half an hour, AR(1) with 0.9 on the log errors, and no cycle."""
    noise = rng.standard_normal(count + 200) * np.sqrt(1 - 0.9**2)
    return Part(np.exp(lfilter([1.0], [1.0, -0.9], noise)[200:]), half_hours(count))


def parts(case: str, count: int, seed: int) -> tuple[Part, Part]:
    """Calibration, and a stream of so many records."""
    rng = np.random.default_rng([CASES.index(case), seed])
    if case == "electricity":
        from benchmarks.real_errors import load

        errors = load("electricity-weeks")
        weeks = rng.integers(len(errors.stream) // WEEK, size=-(-count // WEEK) + 1) * WEEK
        drawn = errors.stream[(weeks[:, None] + np.arange(WEEK)).ravel()]
        first = int(rng.integers(WEEK))
        known = Part(errors.calibration, half_hours(errors.calibration.size))
        return known, Part(drawn[first : first + count], half_hours(count, first))
    if case == "slow":
        return slow(8736, rng), slow(count, rng)
    moments = MONDAY + (rng.random(CALIBRATION) * CALIBRATION_DAYS * DAY).astype(np.int64)
    later = MONDAY + 28 * DAY + int(rng.random() * DAY) + np.arange(count) * DAY // A_DAY
    return sine(case, moments, rng), sine(case, later, rng)


def judge_of(reference: Reference, tolerance: float) -> Judge:
    """One of default settings, but for the tolerance and without a guard."""
    settings = JudgeSettings(tolerance=tolerance, guard_seconds=0.0)
    return Judge("0" * 16, reference, settings)


def fired(found: Sequence[Any]) -> list[int]:
    """After how many records, each time."""
    return [rows for rows, change in found if change.transition.event == "firing"]


def ways(
    case: str, known: Part, stream: Part, context: Context | None
) -> Iterator[tuple[str, Reference, Floats, float]]:
    """Each way: reference, errors as it sees them, tolerance."""
    usual = Reference.calibrate(known.errors, ordered=True)
    yield "5%", usual, stream.errors, TOLERANCE
    if case in NEEDED:
        yield "as wide as the cycle", usual, stream.errors, NEEDED[case]
    if context is not None:
        adjusted = context.adjusted(stream.errors, stream.moments)
        yield "5%, context", context.reference(usual), adjusted, TOLERANCE
    if case == "electricity":
        for kind in ("hour", "week"):
            asked, _ = fit_context(known.errors, known.moments, kind)
            assert asked is not None  # what is asked for is kept
            adjusted = asked.adjusted(stream.errors, stream.moments)
            yield f"5%, {kind} as asked", asked.reference(usual), adjusted, TOLERANCE


def measured(case: str, seed: int, records: int) -> Iterator[Row]:
    """The verdict of the held-out check, and what each way finds if there are records."""
    known, stream = parts(case, max(records, 1), seed)
    began = time.perf_counter()
    context, check = fit_context(known.errors, known.moments, "auto")
    seconds = time.perf_counter() - began
    about = {"case": case, "seed": seed}
    yield {**about, "part": "check", "seconds": seconds, **check}
    if not records:
        return
    _, change = parts(case, BEFORE + AFTER, 10_000 + seed)
    for (way, reference, errors, tolerance), (_, _, later, _) in zip(
        ways(case, known, stream, context), ways(case, known, change, context), strict=True
    ):
        alarms = len(fired(feed(judge_of(reference, tolerance), errors)))
        calm = judge_of(reference, tolerance)
        early = bool(fired(feed(calm, later[:BEFORE])))
        row = {**about, "part": "way", "way": way, "records": records, "alarms": alarms}
        waits = [None if early else wait(calm, factor * later[BEFORE:]) for factor in FACTORS]
        yield {**row, "early": early, "waits": waits, "dependence": calm.detector.dependence}


def wait(calm: Judge, after: Floats) -> float | None:
    """Records from the change to its alarm; infinity is written as -1."""
    found = fired(feed(copy.deepcopy(calm), after, first=BEFORE, stop="firing"))
    return found[0] - BEFORE if found else -1


def verdicts(rows: Sequence[Row]) -> Iterator[str]:
    """The table of the held-out check."""
    yield "| stream | seeds | context kept | explains | known to within |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for case in CASES:
        here = [row for row in rows if row["case"] == case and row["part"] == "check"]
        kept = [row for row in here if row["kind"]]
        cells = [
            f"{np.median([row[name] for row in kept]):.1%}" if kept else "-"
            for name in ("explained", "known_to")
        ]
        if here:
            yield f"| {case} | {len(here)} | {len(kept)} | {' | '.join(cells)} |"


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The table of false alarms and delays."""
    waits = " | ".join(f"x {factor:g}" for factor in FACTORS)
    yield f"| stream | tolerance | firings per 10^6 | {waits} | fired before the change |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for case in CASES:
        found = [row for row in rows if row["case"] == case and row["part"] == "way"]
        for way in dict.fromkeys(row["way"] for row in found):
            here = [row for row in found if row["way"] == way]
            rate = sum(row["alarms"] for row in here) * 1e6 / sum(row["records"] for row in here)
            cells = " | ".join(
                delay([row["waits"][n] for row in here]) for n in range(len(FACTORS))
            )
            early = f"{sum(row['early'] for row in here)} of {len(here)}"
            yield f"| {case} | {way} | {rate:.2f} | {cells} | {early} |"


def delay(waits: Sequence[float | None]) -> str:
    """Median and 95th percentile, and how many were found if not all."""
    known = [np.inf if each < 0 else each for each in waits if each is not None]
    if not known:
        return "-"
    high = np.quantile(known, [0.5, 0.95], method="higher")
    text = " / ".join("-" if np.isinf(each) else f"{each:,.0f}" for each in high)
    hits = int(np.isfinite(known).sum())
    return text + f" ({hits} of {len(known)})" * (hits < len(known))


def main() -> None:
    """Measure what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description="Drift on streams with a cycle.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", type=int, default=500_000, help="without a change, each")
    parser.add_argument("--checks", type=int, default=100, help="seeds of the check alone")
    parser.add_argument("--case", nargs="+", choices=CASES, default=CASES)
    options = parser.parse_args()
    rows: list[Row] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    done = {(row["case"], row["seed"]) for row in rows}
    for case in options.case:
        checks = options.checks if case != "electricity" else 0
        for seed in range(max(options.seeds, checks)):
            if (case, seed) in done:
                continue
            rows += measured(case, seed, options.records if seed < options.seeds else 0)
            OUT.parent.mkdir(exist_ok=True)
            OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            print(f"{time.process_time():5.0f} s {case} {seed}", file=sys.stderr, flush=True)
    print("\n".join([*verdicts(rows), "", *table(rows)]))


if __name__ == "__main__":
    main()
