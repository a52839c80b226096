"""Whether the channels that are named are those that changed.

    python -m benchmarks.channel_naming [--quick]

1. Single features of real tables are changed, and three at once, as in `benchmarks.channel_drift`:
   features, changes and the normal stream before are drawn anew for each. "Named": what stands
   first in the alarm, each feature once; of three, all among the first five, in the alarm, and
   2,000 and 10,000 records later.
2. Faults of Tennessee Eastman come after a normal stream; beside the first five features of the
   alarm stand the measurements and valves at the place that the plant's authors say the fault is
   at (Downs and Vogel, Computers and Chemical Engineering 17, 1993, table 8 and figure 1).

Prints tables, with all misses; writes out/channel-naming.json. Eight minutes on one core.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.channel_drift import BEFORE, CHANGES, Case, case_of
from benchmarks.tennessee import names, runs
from monitor.drift.judge import Judge
from monitor.stream.records import ChannelDrift

Array = NDArray[np.float64]
Row = dict[str, Any]

OUT: Final = Path(__file__).parents[1] / "out" / "channel-naming.json"
CASES: Final = ("tep", "aloi", "electricity-weeks", "shuttle")
AFTER: Final = 30_000
TRIALS, LATER, FIRST = 25, (2000, 10_000), 5
"""Of each case and number of features; records after the alarm; features that are looked at."""
NORMAL: Final = 160
"""Samples of a faulty run before its fault."""
PLACES: Final[dict[int, tuple[str, tuple[str, ...]]]] = {
    1: ("A/C ratio of stream 4", ("XMEAS 1", "XMEAS 4", "XMV 3", "XMV 4")),
    2: ("B in stream 4", ("XMEAS 10", "XMV 6", "XMEAS 24", "XMEAS 30")),
    4: ("reactor cooling water, temperature", ("XMEAS 9", "XMEAS 21", "XMV 10")),
    5: ("condenser cooling water, temperature", ("XMEAS 11", "XMEAS 22", "XMV 11")),
    6: ("A feed is lost", ("XMEAS 1", "XMV 3")),
    7: ("C header pressure", ("XMEAS 4", "XMV 4")),
    8: ("A, B, C in stream 4", ("XMEAS 23", "XMEAS 24", "XMEAS 25", "XMEAS 29", "XMEAS 30",
                                "XMEAS 31", "XMEAS 1", "XMEAS 4", "XMV 3", "XMV 4")),
    10: ("C feed temperature, at the stripper", ("XMEAS 18", "XMEAS 19", "XMV 9")),
    11: ("reactor cooling water, temperature", ("XMEAS 9", "XMEAS 21", "XMV 10")),
    12: ("condenser cooling water, temperature", ("XMEAS 11", "XMEAS 22", "XMV 11")),
    13: ("reaction kinetics", ("XMEAS 6", "XMEAS 7", "XMEAS 9", "XMEAS 21", "XMV 10")),
    14: ("reactor cooling water valve", ("XMEAS 9", "XMEAS 21", "XMV 10")),
}  # fmt: skip
"""Faults, where they are, and what is measured and set there."""


def features(found: Sequence[ChannelDrift]) -> list[str]:
    """The features of channels, each once; a channel that has none by its own name."""
    return list(dict.fromkeys(each.feature or each.channel for each in found))


def calm(case: Case, seed: int) -> Judge:
    """A judge that has seen normal records."""
    judge = case.judge()
    for _ in case.feed(judge, case.normal(seed, BEFORE)):
        pass
    return judge


def alarm(case: Case, judge: Judge, rows: Array) -> tuple[int | None, list[str]]:
    """After how many of these records it fires, and the features that the alarm names."""
    for at, change in case.feed(judge, rows):
        if change.transition.event == "firing":
            return at, features(change.verdict.channels)
    return None, []


def trials(case: Case, each: int, count: int) -> Iterator[Row]:
    """A row for each change of so many features."""
    rng = np.random.default_rng([9, each])
    usable = np.flatnonzero(case.deviation > 0)
    judges = [calm(case, seed) for seed in range(3)]
    for trial in range(count):
        columns = sorted(rng.choice(usable, each, replace=False).tolist())
        kinds = rng.choice(list(CHANGES), each).tolist()
        rows = case.normal(200 + trial, AFTER)
        for column, kind in zip(columns, kinds, strict=True):
            CHANGES[kind](rows, column, float(case.deviation[column]), rng)
        judge = copy.deepcopy(judges[trial % len(judges)])
        at, named = alarm(case, judge, rows)
        row: Row = {"case": case.name, "changed": [f"feature {c}" for c in columns],
                    "kinds": kinds, "records": at, "named": named}  # fmt: skip
        if at is not None and each > 1:
            judge, read = copy.deepcopy(judges[trial % len(judges)]), 0
            for later in LATER:
                for _ in case.feed(judge, rows[read : at + later]):
                    pass
                read = at + later
                row[f"{later}"] = features(judge.verdict.channels)
        yield row


def faults(case: Case) -> Iterator[Row]:
    """A row for each fault of PLACES."""
    found, words = runs(), names()
    judge = calm(case, 0)
    for fault, (place, there) in PLACES.items():
        rows = found[f"d{fault:02d}_te"][NORMAL:]
        at, named = alarm(case, copy.deepcopy(judge), rows)
        said = [words[int(n.split()[1])] if n.startswith("feature ") else n for n in named]
        yield {"fault": fault, "place": place, "records": at, "named": said[:FIRST],
               "there": list(there)}  # fmt: skip


def _first(row: Row) -> bool:
    return bool(row["named"]) and row["named"][0] in row["changed"]


def _all(row: Row, when: str) -> bool:
    return set(row["changed"]) <= set(row.get(when, [])[:FIRST])


def table(single: list[Row], three: list[Row]) -> str:
    """How many are named, by case, and what was not."""
    lines = [
        "| case | one feature: found | named first | three: found | first is one of them"
        " | all among five, in the alarm | 2,000 records later | 10,000 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in (*dict.fromkeys(row["case"] for row in single), None):
        ones, threes = (
            [r for r in rows if r["records"] and case in (None, r["case"])]
            for rows in (single, three)
        )
        count = [sum(case in (None, r["case"]) for r in rows) for rows in (single, three)]
        cells = (
            f"{len(ones)} of {count[0]}", sum(map(_first, ones)),
            f"{len(threes)} of {count[1]}", sum(map(_first, threes)),
            *(sum(_all(r, when) for r in threes) for when in ("named", *map(str, LATER))),
        )  # fmt: skip
        lines.append(f"| {case or 'all'} | " + " | ".join(map(str, cells)) + " |")
    lines.append("")
    for row in [*single, *three]:
        if row["records"] and not (_first(row) and (row in single or _all(row, str(LATER[-1])))):
            changed = ", ".join(
                f"{c} {k}" for c, k in zip(row["changed"], row["kinds"], strict=True)
            )
            told = row.get(str(LATER[-1]), row["named"])[:FIRST]
            lines.append(f"missed: {row['case']}, {changed}: {', '.join(told)}")
    return "\n".join(lines)


def fault_table(rows: list[Row]) -> str:
    """A line for each fault."""
    lines = [
        "| fault | at | samples | first five | of what is there |",
        "| ---: | --- |" + " --- |" * 3,
    ]
    for row in rows:
        there = [each for each in row["named"] if each in row["there"]]
        lines.append(
            f"| {row['fault']} | {row['place']} | {row['records'] or '-'}"
            f" | {', '.join(row['named']) or '-'} | {', '.join(there) or 'none'} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, write out/channel-naming.json, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cases, three trials of each")
    quick = parser.parse_args().quick
    single: list[Row] = []
    three: list[Row] = []
    told: list[Row] = []
    for name in CASES[:2] if quick else CASES:
        case = case_of(name)
        single += trials(case, 1, 3 if quick else TRIALS)
        three += trials(case, 3, 3 if quick else TRIALS)
        if name == "tep":
            told += faults(case)
        print(f"{name}: {len(case.channels.kept)} channels", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"single": single, "three": three, "faults": told}))
    print(table(single, three), fault_table(told), sep="\n\n")


if __name__ == "__main__":
    main()
