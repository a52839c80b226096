"""Channels of a stream with a daily swing, judged as they are and by the hour.

    python -m benchmarks.channel_cycles [--seeds 10] [--records 500000]

A hundred channels of Gaussian values, 200,000 records a day. Of ten, the level is a sine over the
day of 0.3 or of 1 standard deviations, at different hours; or, of all, the spread swings by half.
Calibrated on 20,000 records drawn at random from two weeks; a budget of one in 10^6, tolerance 5%,
no guard. Each seed draws its own calibration and stream; a change falls at any hour, 20,480 records
after the start: one of the channels that swing is half a standard deviation higher, or stuck.
"""

from __future__ import annotations

import argparse
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.channel_budget import FEATURES, SETTINGS, VERSION, batch, channels_of
from benchmarks.cycles import A_DAY, CALIBRATION, CALIBRATION_DAYS, DAY, MONDAY, delay
from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.channels import Channels
from models.reference import Reference
from monitor.drift.judge import Change, Judge

Values = NDArray[np.float32]
Index = NDArray[np.int64]

SWINGING: Final = 10
BATCH, BEFORE, AFTER = 8192, 20_480, 100_000
STREAMS: Final = ("none", "level 0.3", "level 1", "spread")


@dataclass(frozen=True)
class Stream:
    """Values and errors of one stream, and its channels."""

    name: str
    seed: int
    channels: Channels

    def values(self, moments: Index, rng: np.random.Generator) -> Values:
        """Of records at these moments, (n, 100)."""
        return drawn(self.name, moments, rng)


def drawn(name: str, moments: Index, rng: np.random.Generator) -> Values:
    """Values of a stream, (n, 100)."""
    made = rng.standard_normal((moments.size, 2 * FEATURES), dtype=np.float32)
    turns = 2 * np.pi * moments / DAY
    if name.startswith("level"):
        phases = 2 * np.pi * np.arange(SWINGING) / SWINGING
        waves = float(name.split()[1]) * np.sin(turns[:, None] + phases)
        made[:, :SWINGING] += waves.astype(np.float32)
    elif name == "spread":
        made *= np.exp(np.log(1.5) * np.sin(turns))[:, None].astype(np.float32)
    return made


def higher(values: Values) -> Values:
    """One that swings is half a standard deviation higher."""
    values[:, 3] += 0.5
    return values


def stuck(values: Values) -> Values:
    """One that swings stays at its mean."""
    values[:, 3] = 0.0
    return values


CHANGES: Final[dict[str, Callable[[Values], Values]]] = {"0.5 sd": higher, "stuck": stuck}


def calibrated(name: str, seed: int) -> Iterator[tuple[str, Channels]]:
    """The channels of both ways."""
    rng = np.random.default_rng([STREAMS.index(name), seed])
    moments = MONDAY + (rng.random(CALIBRATION) * CALIBRATION_DAYS * DAY).astype(np.int64)
    plain = channels_of(drawn(name, moments, rng))
    yield "as they are", plain
    rows = np.arange(moments.size)
    fitted, kept = sampled(moments, True, (plain.values, rows), (plain.values, rows))
    found = fit_channels(fitted, kept, [view.name for view in plain.each])
    assert found.watchable.all(), "levels and spreads alone swing"
    yield "by the hour", replace(plain, values=found.values, context=found.context)


def feed(
    judge: Judge, stream: Stream, records: int, first: int, change: Callable[[Values], Values]
) -> Iterator[tuple[int, Change]]:
    """Changes of state, and after how many of these records. first: number of the first one."""
    rng = np.random.default_rng([stream.seed, first])
    begin = MONDAY + 28 * DAY + int(np.random.default_rng(stream.seed).random() * DAY)
    found: list[tuple[int, Change]] = []
    start = judge.rows

    def note(changes: list[Change], newest: int) -> None:
        found.extend((judge.rows - start, each) for each in changes)

    for at in range(first, first + records, BATCH):
        count = min(BATCH, first + records - at)
        moments = begin + np.arange(at, at + count) * DAY // A_DAY
        values = change(stream.values(moments, rng))
        context = stream.channels.context
        shown = values if context is None else context.adjusted(values, moments)
        judge.watch(batch(at, rng.lognormal(size=count), shown), note)
        yield from found
        found.clear()


def fired(found: Iterator[tuple[int, Change]]) -> Iterator[tuple[int, Change]]:
    """Those that are alarms."""
    return (each for each in found if each[1].transition.event == "firing")


def measured(name: str, seed: int, way: str, channels: Channels, records: int) -> dict[str, Any]:
    """Alarms without a change, and records to the alarm of each change."""
    stream, rng = Stream(name, seed, channels), np.random.default_rng([seed, 9])
    reference = Reference.calibrate(rng.lognormal(size=CALIBRATION), ordered=True)

    def judge() -> Judge:
        return Judge(VERSION, reference, SETTINGS, channels)

    alarms = sum(1 for _ in fired(feed(judge(), stream, records, 0, lambda v: v)))
    calm = judge()
    early = any(fired(feed(calm, stream, BEFORE, 0, lambda v: v)))
    waits, said = {}, Counter[str]()
    for change, changed in CHANGES.items():
        found = next(fired(feed(copy.deepcopy(calm), stream, AFTER, BEFORE, changed)), None)
        waits[change] = None if early else -1 if found is None else found[0]
        first = found[1].verdict.channels[:1] if found and not early else ()
        said.update({change: sum(each.channel == "feature 3" for each in first)})
    swinging = 0 if channels.context is None else channels.context.kept.size
    return {"way": way, "alarms": alarms, "early": early, "waits": waits, "named": said,
            "swinging": swinging}  # fmt: skip


def lines(name: str, rows: Sequence[dict[str, Any]], records: int) -> Iterator[str]:
    """The lines of the table."""
    for way in dict.fromkeys(row["way"] for row in rows):
        here = [row for row in rows if row["way"] == way]
        rate = sum(row["alarms"] for row in here) * 1e6 / (records * len(here))
        early = sum(row["early"] for row in here)
        cells = []
        for change in CHANGES:
            text = delay([row["waits"][change] for row in here])
            named = sum(row["named"][change] for row in here)
            cells.append(f"{text} | {named} of {len(here) - early}")
        found = np.mean([row["swinging"] for row in here])
        early_text = f"{early} of {len(here)}"
        yield f"| {name} | {way} | {found:g} | {rate:.2f} | {early_text} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Channels of a stream with a daily swing.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", type=int, default=500_000, help="without a change, each")
    options = parser.parse_args()
    heads = " | ".join(f"{change} | named first" for change in CHANGES)
    print(f"| swing | judged | by the hour | firings per 10^6 | fired before | {heads} |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in STREAMS:
        rows = [
            measured(name, seed, way, channels, options.records)
            for seed in range(options.seeds)
            for way, channels in calibrated(name, seed)
        ]
        print("\n".join(lines(name, rows, options.records)), flush=True)


if __name__ == "__main__":
    main()
