"""Channels on streams in control: how often they fire, and what a record costs.

    python -m benchmarks.channel_budget [--records N] [--block N]

A hundred channels, an error that is independent of them, a budget of one in 10^6, tolerance 5%,
no guard; calibration sets of 5,000 and 20,000 records, in stream order.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from models.channels import Channels
from models.input_spec import InputSpec
from models.reference import Reference
from models.views import Views
from monitor.drift.budget import Budget
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition

FEATURES, BATCH = 50, 256 * 32
SETTINGS = JudgeSettings(guard_seconds=0.0, budget=Budget(1, 1e6, None))
VERSION = "0" * 16
Values = NDArray[np.float32]
Draw = Callable[[np.random.Generator, int], Values]


def _factor(rho: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Values:
        common = rng.standard_normal((n, 1), dtype=np.float32) * np.float32(np.sqrt(rho))
        own = rng.standard_normal((n, 2 * FEATURES), dtype=np.float32)
        return np.asarray(common + np.float32(np.sqrt(1 - rho)) * own)

    return draw


def _autoregressive(lag: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Values:
        noise = rng.standard_normal((n, 2 * FEATURES), dtype=np.float32)
        fresh = np.float32(np.sqrt(1 - lag**2))
        for i in range(1, n):
            noise[i] = np.float32(lag) * noise[i - 1] + fresh * noise[i]
        return noise

    return draw


def _in_steps(lag: float, steps: int) -> Draw:
    """So many steps to a standard deviation: neighbours often are the same."""
    draw = _autoregressive(lag)
    return lambda rng, n: (np.rint(draw(rng, n) * steps) / steps).astype(np.float32)


def _held(lag: float, records: int) -> Draw:
    """Measured anew with one of so many records."""
    draw = _autoregressive(lag)
    return lambda rng, n: np.repeat(draw(rng, n // records + 1), records, axis=0)[:n]


STREAMS: dict[str, Draw] = {
    "independent": _factor(0.0),
    "one factor, 0.9": _factor(0.9),
    "AR 0.3": _autoregressive(0.3),
    "AR 0.9": _autoregressive(0.9),
    "AR 0.9 in steps of 0.02": _in_steps(0.9, 50),
    "AR 0.3, held for 5": _held(0.3, 5),
    "Cauchy": lambda rng, n: rng.standard_cauchy((n, 2 * FEATURES)).astype(np.float32),
    "Poisson 1.5": lambda rng, n: rng.poisson(1.5, (n, 2 * FEATURES)).astype(np.float32),
}


def channels_of(values: Values) -> Channels:
    """Channels of these calibration values (n, 2 FEATURES)."""
    zeros, ones = (0.0,) * FEATURES, (1.0,) * FEATURES
    spec = InputSpec((FEATURES,), "vector", "float32", zeros, ones)
    views = Views(spec, {"code_mean": torch.zeros(0), "code_whitening": torch.zeros(0, 0)})
    return Channels(views, np.arange(2 * FEATURES), values.T.copy(), True)


def batch(first: int, errors: NDArray[np.float64], values: Values | None) -> JudgedRecords:
    """Records of one row each, 2 ms apart."""
    place = first + np.arange(len(errors))
    ones = np.ones(len(errors), dtype=np.int64)
    where = (Partition("stream", 0),)
    return JudgedRecords(
        VERSION, where, 0 * ones, place, place + 1, 2 * place, ones, errors, None, values
    )


def line(
    name: str, draw: Draw, count: int, records: int, settings: JudgeSettings
) -> tuple[str, int]:
    """Events of one stream, and processor time of the judge; and how many were false alarms."""
    rng = np.random.default_rng([7, count])
    reference = Reference.calibrate(rng.lognormal(size=count), ordered=True)
    judge = Judge(VERSION, reference, settings, channels_of(draw(rng, count)))
    events, spent = Counter[str](), 0.0
    for first in range(0, records, BATCH):
        part = batch(first, rng.lognormal(size=BATCH), draw(rng, BATCH))
        begun = time.process_time()
        # As the daemon does: evaluations in which nothing changes are not all looked at.
        judge.watch(part, lambda came, _: events.update(c.transition.event for c in came), _calm)
        spent += time.process_time() - begun
    cost = 1e6 * spent / records
    found = " | ".join(str(events[event]) for event in ("pending", "transient", "firing"))
    return f"| {name} | {count:,} | {records:,} | {found} | {cost:.1f} |", events["firing"]


def _calm() -> int:
    return 1 << 60


def main() -> None:
    """Print a table; exit with 1 if a stream has more false alarms than the budget allows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000_000, help="of each stream")
    parser.add_argument("--block", type=int, default=64, help="records of a block")
    asked = parser.parse_args()
    settings = replace(SETTINGS, evaluation_rows=asked.block)
    print("| stream | calibration | records | pending | transient | firing | judge, us a record |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    worst = 0
    for name, draw in STREAMS.items():
        for count in (5000, 20_000):
            shown, fired = line(name, draw, count, asked.records, settings)
            worst = max(worst, fired)
            print(shown, flush=True)
    if worst > max(1, asked.records / 1e6):
        raise SystemExit(f"{worst} false alarms in {asked.records:,} records: more than allowed")


if __name__ == "__main__":
    main()
