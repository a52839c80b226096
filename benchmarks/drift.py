"""The drift test against its bars, through the judge as the daemon runs it.

    python -m benchmarks.drift [--quick] [BAR ...]

Every bar prints what was measured beside what is asked, and the whole fails if one is missed.
Streams come from `benchmarks.streams`; two processes at most. Full: about 15 minutes on two
cores; --quick is a twentieth of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.judged import feed, feed_bins
from benchmarks.streams import MEDIANS, bursts, null, trial
from models.distribution import bucket_edges
from models.reference import Reference
from monitor.drift.budget import Budget
from monitor.drift.detectors import bets as betting
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings

OUT = Path(__file__).parents[1] / "out" / "drift-bars.json"
VERSION = "0" * 16
WORKERS = 2
RATE = 400.0
"""Records a second: a burst of 1,000 then lasts half the guard."""
CDF: dict[str, Callable[[Any], Any]] = {
    "lognormal": stats.lognorm(1.0).cdf,
    "gamma": stats.gamma(5.0).cdf,
    "mixture": lambda x: (
        0.7 * stats.norm(0, 0.3).cdf(np.log(x)) + 0.3 * stats.norm(np.log(3), 0.3).cdf(np.log(x))
    ),
}


@dataclass(frozen=True)
class Result:
    """One line: what was measured, what is asked, and whether it holds."""

    bar: str
    what: str
    measured: str
    asked: str
    holds: bool


def judge_of(errors: Any, ordered: bool = True, records: float = 1e6, **changes: Any) -> Judge:
    """A judge with the daemon's defaults, but for a budget in records."""
    settings = JudgeSettings(budget=Budget(1, records, None), **changes)
    return Judge(VERSION, Reference.calibrate(errors, ordered=ordered), settings)


def firings(changes: Iterable[Any]) -> int:
    """How often drift fired."""
    return sum(change.transition.event == "firing" for _, change in changes)


def null_stream(kind: str, n: int, records: int) -> int:
    """Firings on a stream in control whose dependence the judge has to learn."""
    rng = np.random.default_rng([1, n, list(MEDIANS).index(kind)])
    marginal = "lognormal" if kind.startswith("ar") else kind
    judge = judge_of(null(marginal, n, rng), ordered=False)
    found = position = 0
    errors = null(kind, records, rng)
    for part in np.array_split(errors, max(1, records // 1_000_000)):
        found += firings(feed(judge, part, first=position, rate=RATE))
        position += len(part)
    return found


def long_null(seed: int, n: int, records: int, budget: float) -> int:
    """Firings on an independent stream, its blocks drawn from the law of the bins itself."""
    rng = np.random.default_rng([2, seed])
    judge = judge_of(
        null("lognormal", n, rng), records=budget, tolerance=0.0, guard_seconds=0.0,
        cooldown_seconds=0.0, evaluation_rows=256,
    )  # fmt: skip
    return firings(feed_bins(judge, CDF["lognormal"], records, rng, RATE))


def delay(change: str, repeat: int, **settings: Any) -> float:
    """Records from a change to the alarm; inf if there is none."""
    calibration, before, after = trial(change, repeat)
    judge = judge_of(calibration, guard_seconds=0.0, **settings)
    errors = np.concatenate([before, after])
    for rows, found in feed(judge, errors, rate=RATE, stop="firing", after=len(before)):
        if found.transition.event == "firing" and rows > len(before):
            return float(rows - len(before))
    return float("inf")


def burst_firings(seed: int, records: int) -> tuple[int, int]:
    """Firings on a stream with a burst of 1,000 records at 5x in every 200,000; and bursts."""
    rng = np.random.default_rng([5, seed])
    judge = judge_of(null("lognormal", 20_000, rng))
    errors = bursts(null("lognormal", records, rng), 1000, 200_000, rng)
    return firings(feed(judge, errors, rate=RATE)), records // 200_000


def invalid_sets(kind: str, n: int, tolerance: float, sets: int) -> float:
    """Share of calibration sets for which the mean of any bet is above 1 at the tolerance."""
    failed = 0
    for seed in range(sets):
        rng = np.random.default_rng([6, n, seed])
        reference = Reference.calibrate(null(kind, n, rng))
        bets = betting.build(reference, tolerance)
        edges = bucket_edges[np.flatnonzero(np.diff(bets.bin_of_bucket))] * reference.unit
        upward = np.array([a.upward for a in bets.alternatives])
        factors = np.exp(bets.log_factors)
        means = []
        for up in (True, False):
            scale = 1 + tolerance if up else 1 / (1 + tolerance)
            shares = np.diff(CDF[kind](edges / scale), prepend=0.0, append=1.0)
            means.append((shares @ factors)[upward == up].max())
        failed += max(means) > 1 + 1e-9
    return failed / sets


def from_start(seed: int) -> tuple[float, bool]:
    """Records until an error 1.5 times as large from the first record on fires, and whether
    tuned ADWIN on log errors finds it.
    """
    from river.drift import ADWIN

    rng = np.random.default_rng([8, seed])
    judge = judge_of(null("lognormal", 20_000, rng), ordered=False, guard_seconds=0.0)
    errors = 1.5 * null("lognormal", 200_000, rng)
    found = [r for r, c in feed(judge, errors, rate=RATE) if c.transition.event == "firing"]
    adwin = ADWIN(delta=0.0059)
    seen = False
    for value in np.log(errors[:50_000]).tolist():
        adwin.update(value)
        seen = seen or adwin.drift_detected
    return (float(found[0]) if found else float("inf")), seen


DELAYS = {
    "3": (0.05, {"x1.2": (2600, 4500), "x1.5": (550, 850), "x2": (350, 450), "x0.8": (1700, 2900),
                 "stuck": (350, 450), "narrow 0.7": (850, 1250), "tail 5%": (5200, None)}),
    "4": (0.0, {"x1.2": (1350, 2500), "x1.1": (6200, None)}),
}  # fmt: skip
"""Bars 3 and 4: tolerance, and largest median and 95th percentile of each change."""


def bar_1(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """False alarms on five kinds of stream in control."""
    records = 500_000 if quick else 10_000_000
    cases = [(k, n) for k in ("gamma", "lognormal", "mixture", "ar0.3", "ar0.9")
             for n in (5000, 20_000)]  # fmt: skip
    counts = pool.map(partial(null_stream, records=records), *zip(*cases, strict=True))
    for (kind, n), count in zip(cases, counts, strict=True):
        yield Result(
            "1", f"{kind}, n {n}, {records:.0e} in control", f"{count}", "<= 1", count <= 1
        )


def bar_2(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """False alarms on very long streams, over many calibration sets, tolerance 0."""
    records, sets = (1_000_000, 4) if quick else (100_000_000, 20)
    for budget, asked in ((1e6, 2.0), (2.6e8, 0.0)):
        seeds = list(range(sets))
        sizes = [(5000, 20_000)[seed % 2] for seed in seeds]
        counts = list(pool.map(partial(long_null, records=records, budget=budget), seeds, sizes))
        mean = sum(counts) / sets
        text = f"mean {mean:g}, most {max(counts)}"
        yield Result("2", f"{sets} sets x {records:.0e}, A {budget:g}", text, f"mean <= {asked:g}",
                     bool(mean <= asked))  # fmt: skip


def bar_3_4(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """Delays."""
    repeats = 12 if quick else 60
    for bar, (tolerance, limits) in DELAYS.items():
        for change, (largest, tail) in limits.items():
            found = list(pool.map(partial(delay, change, tolerance=tolerance), range(repeats)))
            median, high = np.quantile(found, [0.5, 0.95], method="higher")
            holds = median <= largest and (tail is None or high <= tail)
            yield Result(bar, f"{change}, tolerance {tolerance:g}", f"{median:.0f} / {high:.0f}",
                         f"{largest} / {tail or '-'}", bool(holds))  # fmt: skip


def bar_5(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """Bursts."""
    records = 1_000_000 if quick else 5_000_000
    found = list(pool.map(partial(burst_firings, records=records), range(2 if quick else 6)))
    fired, total = (sum(x) for x in zip(*found, strict=True))
    yield Result("5", f"{total} bursts of 1,000 at 5x", f"{fired} firings", "0", bool(fired == 0))


def bar_6(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """Confidence bounds."""
    sets = 60 if quick else 300
    cases = [(k, n, t) for k in CDF for n in (1000, 5000, 20_000) for t in (0.0, 0.05)]
    shares = list(pool.map(partial(invalid_sets, sets=sets), *zip(*cases, strict=True)))
    for (kind, n, tolerance), share in zip(cases, shares, strict=True):
        yield Result("6", f"{kind}, n {n}, tolerance {tolerance:g}: a bound fails", f"{share:.1%}",
                     "<= 2%", bool(share <= (0.04 if quick else 0.02)))  # fmt: skip


def bar_8(pool: ProcessPoolExecutor, quick: bool) -> Iterable[Result]:
    """Drift from the first record on, beside ADWIN."""
    found = list(pool.map(from_start, range(4 if quick else 20)))
    delays = [records for records, _ in found]
    text = (
        f"{sum(np.isfinite(delays))} of {len(found)}, median {np.median(delays):.0f};"
        f" ADWIN {sum(seen for _, seen in found)}"
    )
    holds = bool(np.isfinite(delays).all())
    yield Result("8", "x1.5 from the first record, order unknown", text, "always found", holds)


BARS = {"1": bar_1, "2": bar_2, "3": bar_3_4, "5": bar_5, "6": bar_6, "8": bar_8}


def main() -> int:
    """Print the bars as they are measured; 1 if any is missed."""
    parser = argparse.ArgumentParser(description="The drift test against its bars.")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the work")
    parser.add_argument("bars", nargs="*", default=list(BARS), metavar="BAR")
    options = parser.parse_args()
    results: list[Result] = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for name in options.bars:
            for result in BARS[name](pool, options.quick):
                results.append(result)
                cells = (result.bar, result.what, result.measured, result.asked)
                mark = "" if result.holds else "  <-- MISSED"
                print("| " + " | ".join(cells) + f" |{mark}", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([vars(r) for r in results], indent=1) + "\n", encoding="utf-8")
    return int(not all(result.holds for result in results))


if __name__ == "__main__":
    sys.exit(main())
