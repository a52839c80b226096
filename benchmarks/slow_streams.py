"""Drift that lasts, by the rate at which records come.

    python -m benchmarks.slow_streams [--seeds 12] [--rows 12000]

Lognormal errors (spread 0.5), calibrated on 5,000 in order; after 3,000 records all errors are so
many times larger. A false alarm in 10^6 records, the usual guard and cooldown. Where less than a
block of 64 records comes in a minute, what there is is evaluated each minute.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.simulation import feed

BEFORE: Final = 3000
SPREAD: Final = 0.5
FACTORS: Final = (1.1, 1.2, 1.5, 2.0)
RATES: Final = {
    "100 a second": 100.0,
    "1 in 5 s": 1 / 5,
    "1 a minute": 1 / 60,
    "1 in 30 min": 1 / 1800,
}


class Told(NamedTuple):
    """Of one change at one rate. delays: records until it fired, one for each seed that did.

    events: how often what was told after the change, over all seeds.
    """

    rate: str
    factor: float
    seeds: int
    delays: list[int]
    events: Counter[str]

    def line(self) -> str:
        """A row of the table."""
        median = f"{np.median(self.delays):,.0f}" if self.delays else "-"
        counts = " | ".join(str(self.events[e]) for e in ("firing", "resolved", "transient"))
        found = f"{len(self.delays)} of {self.seeds}"
        return f"| x{self.factor:g} | {self.rate} | {found} | {median} | {counts} |"


def measured(name: str, factor: float, seeds: int, rows: int) -> Told:
    """Judge streams of `rows` records after a change."""
    delays, events = list[int](), Counter[str]()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        calibration = rng.lognormal(0, SPREAD, 5000)
        judge = Judge("slow", Reference.calibrate(calibration, ordered=True), JudgeSettings())
        errors = rng.lognormal(0, SPREAD, BEFORE + rows)
        errors[BEFORE:] *= factor
        told = [
            (change.transition.event, count - BEFORE)
            for count, change in feed(judge, errors, RATES[name])
            if count > BEFORE
        ]
        events.update(event for event, _ in told)
        first = next((count for event, count in told if event == "firing"), math.inf)
        delays += [int(first)] if math.isfinite(first) else []
    return Told(name, factor, seeds, delays, events)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--rows", type=int, default=12_000, help="records after the change")
    options = parser.parse_args(arguments)
    print("| change | rate | found | records to the alarm | firing | resolved | transient |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for factor in FACTORS:
        for name in RATES:
            print(measured(name, factor, options.seeds, options.rows).line(), flush=True)


if __name__ == "__main__":
    main()
