"""The bars of test_bench.py: what a decision costs, at most.

    python -m tests.benchmarks.bars     measures on this machine, and writes bars.json

To be done after something became faster, or with a reason why it may be slower.

Shares of processor time differ between processors by half and more: those of every processor that
was measured are kept, and the bar is below the least. The calls of functions are the same anywhere.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench.in_memory import Case, Extra, calls, measure, nothing
from benchmarks.bench.kinds import DIGIT, JSON, vector
from benchmarks.bench.lines import Line
from benchmarks.bench.machine import about

FILE = Path(__file__).parent / "bars.json"
TURNS, SECONDS, BATCHES = 41, 0.012, 32
"""Many short turns: what else the machine does then slows both of a pair alike."""
LEAST_SHARE = 0.7
"""Of the least share that was measured on any processor."""
MOST_CALLS = 1.1
CASES = {
    "16 float32": Case(vector(16)),
    "16 float32, 64 partitions": Case(vector(16), partitions=64),
    "28x28 uint8": Case(DIGIT),
    "32 numbers in JSON": Case(JSON),
}


def known() -> dict[str, Any]:
    """What was measured: calls by case, and shares by processor and case."""
    return dict(json.loads(FILE.read_text()))


def least_shares() -> dict[str, float]:
    """How much of our cost the bare decision costs, at least."""
    shares = known()["shares"].values()
    return {name: LEAST_SHARE * min(each[name] for each in shares) for name in CASES}


def most_calls() -> dict[str, float]:
    """Calls that the decision on a batch may take."""
    return {name: MOST_CALLS * number for name, number in known()["calls"].items()}


def measured(name: str, extra: Extra = nothing) -> Line:
    """A case beside the bare decision."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(CASES[name], Path(folder) / "model", TURNS, SECONDS, extra)


def counted(name: str, extra: Extra = nothing) -> float:
    """Calls that the decision on a batch takes."""
    with tempfile.TemporaryDirectory() as folder:
        return calls(CASES[name], Path(folder) / "model", BATCHES, extra)


def share(line: Line) -> float:
    """Median over the turns."""
    return line.times("bare decision").median


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    found = known()
    found["calls"] = {name: round(counted(name), 1) for name in CASES}
    found["shares"][about()["processor"]] = {n: round(share(measured(n)), 3) for n in CASES}
    FILE.write_text(json.dumps(found, indent=1) + "\n")
    print(FILE.read_text())


if __name__ == "__main__":
    main()
