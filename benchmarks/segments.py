"""Segments: what is found of fifty, what they cost, and whether all together keep the budget.

    python -m benchmarks.segments found       two of fifty drift, one falls silent: 20 seeds
    python -m benchmarks.segments silence     rates that differ, bursts: false silences
    python -m benchmarks.segments control     alarms in 10^7 records in control
    python -m benchmarks.segments cost        processor time a record, with segments and without

Errors are lognormal and independent, the calibration has 20,000 of them in no known order, and the
budget is one false alarm in 10^6 records.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judge_state import encode
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.moulds import segments_of
from monitor.drift.segments.segmented import ALWAYS, Segments
from monitor.drift.segments.shares import of_whole
from monitor.stream.records import Partition

COUNT, CALIBRATION, BATCH = 50, 20_000, 4096
VERSION, PLACE, BEGIN = "0123456789abcdef", Partition("stream", 0), 1_700_000_000_000
SETTINGS = JudgeSettings(budget=Budget.parse("1 per 1000000 records"))
NAMES = tuple(f"camera-{number}" for number in range(COUNT))

Slots = NDArray[np.int64]
Errors = NDArray[np.float64]


class Stream:
    """A judge of the whole and one of each segment. rate: records a second.

    told: rows of the stream, segment (none for the whole) and event of each alert.
    """

    def __init__(self, seed: int, rate: float = 1000.0, *, with_segments: bool = True) -> None:
        calibration = np.random.default_rng([99, seed]).lognormal(size=CALIBRATION)
        reference = Reference.calibrate(calibration)
        self.segments: Segments | None = None
        settings = SETTINGS
        if with_segments:
            self.segments = segments_of(VERSION, reference, settings, COUNT)
            settings = replace(settings, budget=of_whole(settings.budget))
        self.judge = Judge(VERSION, reference, settings)
        self.rate, self.rows = rate, 0
        self.told: list[tuple[int, str, str]] = []

    def watch(self, slots: Slots, errors: Errors, batch: int = BATCH) -> None:
        """Judge records, batch by batch."""
        for start in range(0, slots.size, batch):
            self.take(self.records(slots[start : start + batch], errors[start : start + batch]))

    def records(self, slots: Slots, errors: Errors) -> JudgedRecords:
        """The next records, not judged yet."""
        offsets = self.rows + np.arange(slots.size, dtype=np.int64)
        self.rows += slots.size
        times = BEGIN + (1000 * offsets / self.rate).astype(np.int64)
        ones = np.ones(slots.size, dtype=np.int64)
        return JudgedRecords(
            VERSION, (PLACE,), np.zeros_like(ones), offsets, offsets + 1, times, ones, errors,
            segments=NAMES, segment=slots,
        )  # fmt: skip

    def take(self, records: JudgedRecords) -> None:
        """Judge these records."""
        if self.segments is not None:
            self.segments.watch(self.judge.uncounted(records), self.judge.rows)
        self.judge.watch(records, self._note, lambda: ALWAYS)
        if self.segments is not None:
            for found in self.segments.found(self.judge.rows):
                self._tell(found.position, found.change)

    def _note(self, changes: list[Change], newest: int) -> None:
        del newest
        for change in changes:
            self._tell(self.judge.rows, change)

    def _tell(self, rows: int, change: Change) -> None:
        if change.alert is not None:
            self.told.append((rows, change.alert.verdict.segment, change.alert.event))


def drawn(rng: np.random.Generator, rows: int) -> tuple[Slots, Errors]:
    """Segments and errors of independent records in control."""
    return rng.integers(0, COUNT, rows), rng.lognormal(size=rows)


def found(seeds: int = 20, calm: int = 200_000, after: int = 100_000) -> None:
    """Two of fifty drift (errors twice as large) and one is silent, from one record on."""
    delays: dict[str, list[int]] = {"firing": [], "silent": []}
    wrong: Counter[str] = Counter()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        drifting, silent = np.split(rng.choice(COUNT, 3, replace=False), [2])
        stream = Stream(seed)
        stream.watch(*drawn(rng, calm))
        slots, errors = drawn(rng, after)
        slots[slots == silent[0]] = next(s for s in range(COUNT) if s not in (*drifting, *silent))
        errors[np.isin(slots, drifting)] *= 2.0
        stream.watch(slots, errors)
        expected = {(NAMES[s], "firing") for s in drifting} | {(NAMES[silent[0]], "silent")}
        for rows, segment, event in stream.told:
            if (segment, event) in expected and rows > calm:
                delays[event].append(rows - calm)
                expected.discard((segment, event))
            else:
                wrong[f"{event} {segment or 'the whole'}"] += 1
        wrong["missed"] += len(expected)
    for event, each in delays.items():
        median, late = np.quantile([*map(float, each)] or [math.nan], [0.5, 0.95])
        print(f"{event}: {len(each)} of {seeds * (2 if event == 'firing' else 1)},"
              f" after {median:,.0f} records of the stream (95%: {late:,.0f})")  # fmt: skip
    print(f"wrong: {dict(+wrong)}")


def silence(rows: int = 2_000_000) -> None:
    """Segments in control whose rates differ a thousandfold, and such as come in bursts."""
    for name, shares in (("even", np.ones(COUNT)), ("1 to 1,000", np.geomspace(1, 1000, COUNT))):
        stream, rng = Stream(1), np.random.default_rng(1)
        stream.watch(rng.choice(COUNT, rows, p=shares / shares.sum()), rng.lognormal(size=rows))
        _say_silences(f"rates {name}", stream)
    for low, high in ((20_000, 20_001), (10_000, 30_000)):
        stream, rng = Stream(1), np.random.default_rng(2)
        slots = rng.integers(0, 40, rows)
        for slot in range(40, COUNT):
            at = int(rng.integers(0, high))
            while at < rows:
                places = at + rng.integers(0, 400, 100)
                slots[places[places < rows]] = slot
                at += int(rng.integers(low, high))
        stream.watch(slots, rng.lognormal(size=rows))
        _say_silences(f"ten in bursts of 100, every {low:,} to {high:,}", stream)


def _say_silences(name: str, stream: Stream) -> None:
    silences = sum(event == "silent" for _, _, event in stream.told)
    print(f"{name}: {silences} silences in {stream.rows:,} records", flush=True)


def control(rows: int = 10_000_000) -> None:
    """Alarms of all judges together in a stream in control."""
    stream, rng = Stream(0, rate=50_000.0), np.random.default_rng(0)
    for _ in range(0, rows, 500_000):
        stream.watch(*drawn(rng, min(500_000, rows - stream.rows)))
    print(f"{stream.rows:,} records: {len(stream.told)} alarms, {stream.rows / 1e6:g} allowed:"
          f" {stream.told}")  # fmt: skip


def cost(rounds: int = 5, rows: int = 200_704) -> None:
    """Processor time a record, by turns."""
    rng = np.random.default_rng(3)
    for batch in (256, BATCH):
        streams = {name: Stream(0, 50_000.0, with_segments=name == "fifty") for name in _WAYS}
        spent: dict[str, list[float]] = {name: [] for name in _WAYS}
        for stream in streams.values():
            stream.watch(*drawn(rng, 50_000 * COUNT // 10))
        for _ in range(rounds):
            for name, stream in streams.items():
                slots, errors = drawn(rng, rows)
                came = [stream.records(slots[i : i + batch], errors[i : i + batch])
                        for i in range(0, rows, batch)]  # fmt: skip
                began = time.process_time()
                for records in came:
                    stream.take(records)
                spent[name].append((time.process_time() - began) / rows)
        best = {name: 1e9 * min(each) for name, each in spent.items()}
        print(f"{batch} rows a batch: {best['none']:.0f} ns a record without,"
              f" {best['fifty']:.0f} with fifty segments")  # fmt: skip
        segments = streams["fifty"].segments
        if segments is not None:
            began = time.process_time()
            size = len(encode(segments.state()))
            taken = 1000 * (time.process_time() - began)
            print(f"their memory: {size:,} bytes, written in {taken:.0f} ms", flush=True)


_WAYS = ("none", "fifty")
MEASURED: Mapping[str, Callable[[], None]] = {
    "found": found,
    "silence": silence,
    "control": control,
    "cost": cost,
}


def main() -> None:
    """Measure what the command line names, or all."""
    for name in sys.argv[1:] or MEASURED:
        MEASURED[name]()


if __name__ == "__main__":
    main()
