"""Drift on streams whose errors depend on a column, with and without a context by it.

    python -m benchmarks.column_context [--seeds 10] [--records 500000]

Streams: lognormal errors (spread 1) and a load that wanders over SLOW records, or one of three
products whose shares wander so. The median error is even, `line`: exp(0.4 z) of the load's
standard score z, `jump`: twice as large from a load of 0.5 z on, `products`: 1, 2 and 0.5 times the
usual one, or `none`: it does not depend on the load. Calibrated on 20,000 records of all loads.
Budget of one in 10^6 records, tolerance 5%, no guard; a change falls 20,480 records on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.cycles import AFTER, BEFORE, FACTORS, TOLERANCE, delay, fired, judge_of, wait
from benchmarks.judged import feed
from models.context_column import ContextColumn
from models.context_fit import fit_context
from models.input_spec import InputSpec
from models.reference import Reference
from models.schema import Feature, Schema

Floats = NDArray[np.float64]

CASES: Final = ("none", "line", "jump", "products")
SLOW: Final = 20_000
"""Records after which the load remembers little of itself."""
CALIBRATION: Final = 20_000
WAYS: Final = ("as they are", "by the column")


class Part(NamedTuple):
    """Errors (n,) and the value of the column, (n,)."""

    errors: Floats
    column: Floats


def wandering(count: int, rng: np.random.Generator) -> Floats:
    """A load, standard normal over a long time."""
    kept = np.exp(-1 / SLOW)
    noise = rng.standard_normal(count) * np.sqrt(1 - kept * kept)
    begin = kept * rng.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -kept], noise, zi=[begin])[0])


def stream(case: str, load: Floats, rng: np.random.Generator) -> Part:
    """Of this load, or these shares."""
    noise = np.exp(rng.standard_normal(load.size))
    if case == "products":
        first = 1 / (1 + np.exp(-load))
        product = np.where(rng.random(load.size) < first, 0, rng.integers(1, 3, load.size))
        return Part(np.array([1.0, 2.0, 0.5])[product] * noise, product.astype(np.float64))
    level = {"none": 0 * load, "line": 0.4 * load, "jump": np.log(2) * (load > 0.5)}[case]
    return Part(np.exp(level) * noise, load)


def measured(case: str, seed: int, records: int) -> Iterator[dict[str, Any]]:
    """What each way finds."""
    rng = np.random.default_rng([CASES.index(case), seed])
    known = stream(case, rng.standard_normal(CALIBRATION), rng)
    whole = stream(case, wandering(records, rng), rng)
    change = stream(case, wandering(BEFORE + AFTER, rng), rng)
    rows = known.column[:, None]
    spec = InputSpec.fit(rows, Schema((Feature("load"),)))
    column = ContextColumn.learned("load", spec, rows)
    context, check = fit_context(known.errors, known.column, "field:load", column)
    assert context is not None  # what is asked for is kept
    usual = Reference.calibrate(known.errors, ordered=True)
    for way in WAYS:
        reference, calm, later = usual, whole.errors, change.errors
        if way != WAYS[0]:
            reference = context.reference(usual)
            calm, later = (context.adjusted(*each) for each in (whole, change))
        alarms = len(fired(feed(judge_of(reference, TOLERANCE), calm)))
        judge = judge_of(reference, TOLERANCE)
        early = bool(fired(feed(judge, later[:BEFORE])))
        waits = [None if early else wait(judge, factor * later[BEFORE:]) for factor in FACTORS]
        yield {
            "case": case,
            "way": way,
            "alarms": alarms,
            "records": records,
            "early": early,
            "waits": waits,
            "helps": check["column"]["helps"],
        }


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Firings and delays."""
    waits = " | ".join(f"x {factor:g}" for factor in FACTORS)
    yield f"| stream | errors | firings per 10^6 | {waits} | fired before the change | helps |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for case in CASES:
        for way in WAYS:
            here = [row for row in rows if (row["case"], row["way"]) == (case, way)]
            rate = sum(row["alarms"] for row in here) * 1e6 / sum(row["records"] for row in here)
            cells = " | ".join(
                delay([row["waits"][n] for row in here]) for n in range(len(FACTORS))
            )
            early, helps = (sum(row[name] for row in here) for name in ("early", "helps"))
            of = f"of {len(here)}"
            yield f"| {case} | {way} | {rate:.2f} | {cells} | {early} {of} | {helps} {of} |"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Drift on streams that depend on a column.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", type=int, default=500_000, help="without a change, each")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for case in CASES:
        for seed in range(options.seeds):
            rows += measured(case, seed, options.records)
            print(f"{time.process_time():5.0f} s {case} {seed}", file=sys.stderr, flush=True)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
