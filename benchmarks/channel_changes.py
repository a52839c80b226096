"""Every change of `benchmarks.real_drift` once more, with channels beside the error.

    python -m benchmarks.channel_changes [--quick] [--case NAME]

Models, records and changes are those of `benchmarks.real_errors`; of pictures three more, which
the error hardly shows: a dead patch of 6 x 6 pixels, corners that darken slowly, a shift of 2
pixels. Everything is scored once; streams are bootstrapped from that as there: 20,480 normal
records, then up to 100,000 changed ones, ten seeds, a budget of one in 10^6, tolerance 5%, no
guard. Both judges get the same streams. Prints a table, records to the alarm; writes
out/channel-changes.json. A quarter of an hour on one core, half of it training.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.channel_drift import calibrated
from benchmarks.real_drift import AFTER, BEFORE, block_of, drawn
from benchmarks.real_errors import records_of
from models.channels import Channels
from models.reference import Reference
from monitor.drift.budget import Budget
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.pipeline.feeding import feed
from monitor.stream.records import ChannelDrift, Scores

Images = NDArray[Any]
Row = dict[str, Any]

OUT: Final = Path(__file__).parents[1] / "out" / "channel-changes.json"
CASES: Final = (
    "mnist-dense", "mnist-convolutional", "shuttle", "aloi", "celeba", "tep", "electricity-weeks"
)  # fmt: skip
BATCH, RATE, VERSION = 1024, 400.0, "0" * 16
SETTINGS: Final = JudgeSettings(guard_seconds=0.0, budget=Budget(1, 1e6, None))
PATCH: Final = slice(11, 17)
"""Rows and columns of a dead patch, in pixels."""
DARKEST, STEPS = 0.4, 20_000
"""How much the corners lose in the end, and after how many records."""


def of_camera(images: Images) -> dict[str, Images]:
    """Changes that the error hardly shows. images: (n, H, W) uint8."""
    dead, moved = images.copy(), np.roll(images, 2, axis=2)
    dead[:, PATCH, PATCH] = 0
    moved[:, :, :2] = 0
    height, width = images.shape[1:]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lost = DARKEST * (x**2 + y**2) / 2
    darker = (images * (1 - lost)).round().astype(np.uint8)
    return {"dead patch": dead, "vignette": darker, "shift 2": moved}


@dataclass(frozen=True)
class Case:
    """What a model says of normal records, and of changed ones by name."""

    name: str
    reference: Reference
    channels: Channels
    normal: Scores
    changed: Mapping[str, Scores]

    def judge(self, channels: bool) -> Judge:
        """One that has seen nothing."""
        return Judge(VERSION, self.reference, SETTINGS, self.channels if channels else None)

    def stream(self, scores: Scores, seed: list[int], rows: int) -> Iterator[Scores]:
        """A bootstrapped stream of what was scored."""
        count, rng = len(scores.reconstruction_error), np.random.default_rng(seed)
        places = drawn(rng, count, block_of(self.name), rows)[:rows]
        return (_at(scores, places[i : i + BATCH]) for i in range(0, rows, BATCH))

    def vignette(self, seed: list[int]) -> Iterator[Scores]:
        """Normal records, and ever more of those with the darkest corners."""
        rng, dark = np.random.default_rng(seed), self.changed["vignette"]
        for first in range(0, AFTER, BATCH):
            places = rng.integers(0, len(dark.reconstruction_error), BATCH)
            late = rng.random(BATCH) < min(1.0, first / STEPS)
            yield _mixed(_at(self.normal, places), _at(dark, places), late)


def _at(scores: Scores, places: NDArray[np.int64]) -> Scores:
    shown = None if scores.channels is None else scores.channels[places]
    return replace(
        scores, reconstruction_error=scores.reconstruction_error[places],
        anomalous=scores.anomalous[places], channels=shown,
    )  # fmt: skip


def _mixed(some: Scores, others: Scores, which: NDArray[np.bool_]) -> Scores:
    if some.channels is None or others.channels is None:
        raise ValueError("channels are watched")
    return replace(
        some,
        reconstruction_error=np.where(
            which, others.reconstruction_error, some.reconstruction_error
        ),
        channels=np.where(which[:, np.newaxis], others.channels, some.channels),
    )


def case_of(name: str) -> Case:
    """Train its model, calibrate errors and channels, score all of its records."""
    records, settings = records_of(name)
    scorer, channels, reference = calibrated(name, records, settings)
    changed = dict(records.changed)
    if records.stream.ndim == 3:
        changed |= of_camera(records.stream)
    return Case(
        name, reference, channels, scorer.score(records.stream),
        {change: scorer.score(each) for change, each in changed.items()},
    )  # fmt: skip


def rows_of(case: Case, seeds: int) -> Iterator[Row]:
    """A row for each change and seed, without seeds that fire before there is any."""
    for seed in range(seeds):
        calm = {on: case.judge(on) for on in (True, False)}
        early = False
        for judge in calm.values():
            before = case.stream(case.normal, [2, seed], BEFORE)
            early |= any(c.transition.event == "firing" for _, c in feed(judge, before, RATE))
        if early:
            yield {"case": case.name, "change": "none", "seed": seed}
            continue
        for change, scores in case.changed.items():
            row: Row = {"case": case.name, "change": change, "seed": seed}
            for on, judge in calm.items():
                stream = (
                    case.vignette([3, seed]) if change == "vignette"
                    else case.stream(scores, [3, seed], AFTER)
                )  # fmt: skip
                found = feed(copy.deepcopy(judge), stream, RATE)
                fired = next((each for each in found if each[1].transition.event == "firing"), None)
                row["channels" if on else "error"] = fired[0] - BEFORE if fired else None
                if on and fired:
                    verdict = fired[1].verdict
                    row |= {"kind": verdict.kind, "named": _named(verdict.channels)}
            yield row


def _named(found: tuple[ChannelDrift, ...]) -> str:
    return found[0].channel if found else ""


def _waits(rows: list[Row], method: str) -> str:
    delays = [r[method] if r[method] is not None else np.inf for r in rows]
    text = [f"{v:,.0f}" if np.isfinite(v) else "-" for v in
            np.quantile(delays, [0.5, 1.0], method="higher")]  # fmt: skip
    hits = int(np.isfinite(delays).sum())
    return " / ".join(text) + f" ({hits} of {len(delays)})" * (0 < hits < len(delays))


def table(rows: list[Row]) -> str:
    """A line for each case and change."""
    lines = [
        "| case | change | error alone | with channels | kind | named first |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for case, change in dict.fromkeys((r["case"], r["change"]) for r in rows):
        mine = [r for r in rows if (r["case"], r["change"]) == (case, change)]
        if change == "none":
            lines.append(f"| {case} | none: fired in {len(mine)} streams | | | | |")
            continue
        kinds = Counter(r["kind"] for r in mine if "kind" in r)
        named = Counter(r["named"] for r in mine if r.get("named"))
        told = "; ".join(f"{name} ({times})" for name, times in named.most_common(2))
        lines.append(
            f"| {case} | {change} | {_waits(mine, 'error')} | {_waits(mine, 'channels')}"
            f" | {', '.join(f'{k} {n}' for k, n in kinds.items()) or '-'} | {told or '-'} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, write out/channel-changes.json, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds")
    parser.add_argument("--case", choices=CASES, help="this one alone")
    asked = parser.parse_args()
    rows: list[Row] = []
    for name in [asked.case] if asked.case else CASES:
        rows += rows_of(case_of(name), 2 if asked.quick else 10)
        print(f"{name}: done", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
