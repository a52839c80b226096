"""Delays and false alarms of other detectors, each tuned to one false alarm per million records.

    python -m benchmarks.rival_table [--quick]

1. Tunes every detector on the same lognormal streams in control, 20 of 500,000 records, each
   with a calibration set of its own, to the most alarms within one per 10^6 records.
2. Counts its alarms there and on AR(1) streams of coefficient 0.9, for which none was tuned;
   River's detectors with default settings are counted too.
3. Measures its delay after each change over the trials of `benchmarks.streams`: records from the
   change to the first alarm after it, whether or not the detector had alarmed before.

Prints a Markdown table and writes its rows to out/rivals.json, a delay without end as null.
Needs River and Numba. About seven minutes on one core; `--quick` about two.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks import rivals
from benchmarks.rivals import STATISTICS, Setting, alarms_above, evidence_of, positions_above
from benchmarks.streams import AFTER, BEFORE, CALIBRATION, CHANGES, Errors, null, trial

TABLE = Path(__file__).parents[1] / "out" / "rivals.json"
MEASURED = tuple(name for name in CHANGES if name not in ("x1.1", "x0.5"))
SCALES: dict[str, Callable[[Errors], Errors]] = {"raw": lambda errors: errors, "log": np.log}

STREAMS, DEPENDENT_STREAMS = 20, 4
TUNING_SEED, NULL_SEED, DEPENDENT_SEED = 700, 800, 900  # trials are seeded below 100
KSWIN_TRIALS, KSWIN_CHECK = 5, 30_000

Stream = tuple[Errors, Errors]
"""Calibration errors and the errors that follow them."""

T = TypeVar("T")
stderr = Console(stderr=True)


@dataclass(frozen=True)
class Rival:
    """A detector with its setting, and the number of trials that measure its delay (may be 0)."""

    name: str
    setting: str
    trials: int
    alarms: Callable[[Errors, Errors], Iterable[int]]
    """Maps calibration errors and errors to the records at which it alarmed."""


@dataclass(frozen=True)
class Tuning:
    """The streams to tune on, the alarms allowed on all of them, and the trials to come."""

    control: list[Stream]
    budget: int
    trials: int

    def least_strict(
        self,
        alarms: Callable[[T, float], Iterable[int]],
        inputs: list[T],
        high: float,
        tolerance: float,
    ) -> float:
        """The lowest level from 0 to `high` with at most `budget` alarms, by bisection.

        The higher the level, the fewer the alarms; at `high` there are few enough.
        """
        low = 0.0
        while high - low > tolerance:
            level = (low + high) / 2
            found = chain.from_iterable(alarms(each, level) for each in inputs)
            if sum(1 for _ in islice(found, self.budget + 1)) <= self.budget:
                high = level
            else:
                low = level
        return high

    def statistic(self, name: str) -> Rival:
        """A statistic over a window, with its threshold."""
        make = STATISTICS[name]
        evidence = [
            make(calibration).statistic(errors).tolist() for calibration, errors in self.control
        ]
        highest = 1.001 * max(map(max, evidence))
        threshold = self.least_strict(alarms_above, evidence, highest, highest / 2_000)

        def alarms(calibration: Errors, errors: Errors) -> Iterator[int]:
            return alarms_above(evidence_of(make(calibration), errors), threshold)

        return Rival(name, f"threshold {threshold:.4g}", self.trials, alarms)

    def adwin(self, unit: str) -> Rival:
        """ADWIN with its delta; everything else as River has it."""

        def alarms(errors: Errors, strictness: float) -> Iterator[int]:
            return rivals.alarms("ADWIN", errors, {"delta": 10**-strictness})

        inputs = [SCALES[unit](errors) for _, errors in self.control]
        strictness = self.least_strict(alarms, inputs, 20.0, 0.04)
        return river("ADWIN", unit, {"delta": 10**-strictness}, self.trials)

    def page_hinkley(self, unit: str) -> Rival:
        """PageHinkley with all its arguments: of a grid, those that find x1.2 soonest.

        The threshold follows from the others and the budget. The streams that choose are not
        those of the trials. delta is in standard deviations of the input.
        """
        inputs = [SCALES[unit](errors) for _, errors in self.control]
        deviation = float(np.std(inputs[0]))
        shifted = [SCALES[unit](scaled_stream(1.2, index)) for index in range(20)]

        def median_delay(setting: Setting) -> float:
            found = [rivals.page_hinkley_alarms(errors, setting) for errors in shifted]
            return float(np.median([delay(alarmed, BEFORE) for alarmed in found]))

        grid = product((30, 1_000), (0.02, 0.05, 0.1, 0.2), (1 - 1e-4, 1.0))
        settings = (
            {"min_instances": least, "delta": share * deviation, "alpha": alpha}
            for least, share, alpha in grid
        )
        best = min((self.with_threshold(each, inputs) for each in settings), key=median_delay)
        return river("PageHinkley", unit, best, self.trials)

    def with_threshold(self, setting: Setting, inputs: list[Errors]) -> Setting:
        """PageHinkley's setting with its threshold."""

        def tried(level: float) -> Setting:
            return setting | {"threshold": math.exp(level)}

        def alarms(errors: Errors, level: float) -> Iterable[int]:
            return rivals.page_hinkley_alarms(errors, tried(level))

        return tried(self.least_strict(alarms, inputs, 9.0, 0.005))

    def kswin(self) -> Rival:
        """KSWIN with its alpha; it goes by ranks, so that raw and log errors are the same."""
        ranks = [rivals.kswin_ranks(errors, seed=0).tolist() for _, errors in self.control]
        level = self.least_strict(
            partial(positions_above, refractory=rivals.KSWIN_WINDOW), ranks, 31.0, 0.5
        )
        rank, trials = math.ceil(level), min(self.trials, KSWIN_TRIALS)
        setting = f"alpha {rivals.kswin_alpha(rank):.2g}; {trials} trials"
        return Rival("KSWIN raw = log", setting, trials, partial(kswin_alarms, rank))

    def default_kswin(self) -> Rival:
        """KSWIN as River has it, and what River's own class does on a part of a stream."""
        rank = next(rank for rank in range(31) if rivals.kswin_alpha(rank) <= 0.005)
        part = self.control[0][1][:KSWIN_CHECK]
        own = 1e6 / KSWIN_CHECK * sum(1 for _ in rivals.alarms("KSWIN", part, {}))
        setting = f"default; River's own class on {KSWIN_CHECK:,} records: {own:.0f}"
        return Rival("KSWIN raw = log", setting, 0, partial(kswin_alarms, rank))


def kswin_alarms(rank: int, _: Errors, errors: Errors) -> Iterator[int]:
    """KSWIN's alarms if its test rejects from this distance on."""
    return positions_above(rivals.kswin_ranks(errors, seed=0), rank, rivals.KSWIN_WINDOW)


def river(name: str, unit: str, setting: Setting, trials: int) -> Rival:
    """One of River's detectors, on raw or on log errors."""
    said = ", ".join(f"{key} {value:.5g}" for key, value in setting.items()) or "default"

    def alarms(_: Errors, errors: Errors) -> Iterator[int]:
        return rivals.alarms(name, SCALES[unit](errors), setting)

    return Rival(f"{name} {unit}", said, trials, alarms)


def competitors(tuning: Tuning) -> list[Rival]:
    """Every detector of the table."""
    steps: list[Callable[[], Rival]] = [
        *(partial(tuning.statistic, name) for name in STATISTICS),
        *(partial(tuning.adwin, unit) for unit in SCALES),
        *(partial(tuning.page_hinkley, unit) for unit in SCALES),
        tuning.kswin,
        tuning.default_kswin,
        *(partial(river, *key, {}, 0) for key in product(("ADWIN", "PageHinkley"), SCALES)),
    ]
    return [step() for step in track(steps, "tuning", console=stderr)]


def streams(kind: str, records: int, count: int, seed: int) -> list[Stream]:
    """Streams in control, each with a calibration set of the same kind."""
    generators = (np.random.default_rng([seed, index]) for index in range(count))
    return [(null(kind, CALIBRATION, rng), null(kind, records, rng)) for rng in generators]


def scaled_stream(factor: float, index: int) -> Errors:
    """A stream to choose a setting by: its errors are scaled from record BEFORE on."""
    errors = null("lognormal", BEFORE + AFTER, np.random.default_rng([TUNING_SEED, index]))
    errors[BEFORE:] *= factor
    return errors


def delay(alarmed: Iterable[int], before: int) -> float:
    """Records from the change to the first alarm after it; inf if there is none."""
    return next((float(at + 1 - before) for at in alarmed if at >= before), math.inf)


def counted(rival: Rival, control: list[Stream], dependent: list[Stream]) -> dict[str, Any]:
    """A row of the table, without delays."""
    row: dict[str, Any] = {"name": rival.name, "setting": rival.setting}
    for key, inputs in (("null", control), ("ar0.9", dependent)):
        counts = [sum(1 for _ in rival.alarms(*stream)) for stream in inputs]
        records = sum(len(errors) for _, errors in inputs)
        row[f"{key} alarms per million"] = round(1e6 * sum(counts) / records, 2)
        row[f"{key} streams with alarms"] = f"{sum(map(bool, counts))} of {len(counts)}"
    return row | {"delays": {}}


def summary(found: list[float]) -> dict[str, Any]:
    """Median and 95th percentile of the delays, None where it is infinite."""
    levels = np.quantile(found, [0.5, 0.95], method="higher")
    median, high = (int(level) if math.isfinite(level) else None for level in levels)
    hits = sum(map(math.isfinite, found))
    return {"median": median, "p95": high, "trials": len(found), "found": hits}


def rows(quick: bool) -> list[dict[str, Any]]:
    """The measured table, one mapping for each detector."""
    records, trials = (150_000, 20) if quick else (500_000, 60)
    control = streams("lognormal", records, STREAMS, NULL_SEED)
    dependent = streams("ar0.9", records, DEPENDENT_STREAMS, DEPENDENT_SEED)
    field = competitors(Tuning(control, STREAMS * records // 1_000_000, trials))
    table = [
        counted(rival, control, dependent)
        for rival in track(field, "false alarms", console=stderr)
    ]  # fmt: skip
    for change in track(MEASURED, "delays", console=stderr):
        found: list[list[float]] = [[] for _ in field]
        for repeat in range(trials):
            calibration, before, after = trial(change, repeat)
            errors = np.concatenate([before, after])
            for rival, delays in zip(field, found, strict=True):
                if repeat < rival.trials:
                    delays.append(delay(rival.alarms(calibration, errors), len(before)))
        for row, delays in zip(table, found, strict=True):
            row["delays"] |= {change: summary(delays)} if delays else {}
    return table


def markdown(table: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the table: alarms per 10^6 records, then delays as median / p95."""
    yield "| detector | setting | in control | AR 0.9 | " + " | ".join(MEASURED) + " |"
    yield "|---" * (4 + len(MEASURED)) + "|"
    for row in table:
        rates = [f"{row[f'{key} alarms per million']:.4g}" for key in ("null", "ar0.9")]
        found = [row["delays"].get(change) for change in MEASURED]
        delays = [f"{d['median'] or '∞'} / {d['p95'] or '∞'}" if d else "" for d in found]
        yield "| " + " | ".join([row["name"], row["setting"], *rates, *delays]) + " |"


def main() -> None:
    """Measure, write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer records and trials")
    table = rows(parser.parse_args().quick)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print("\n".join(markdown(table)))


if __name__ == "__main__":
    main()
