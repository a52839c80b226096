"""The bars of test_bench.py: how much of our cost the bare decision costs, at least.

    python -m tests.benchmarks.bars     measures, and writes bars.json anew

To be done after something became faster, or with a reason why it may be slower.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch

from benchmarks.bench.in_memory import Case, Extra, measure, nothing
from benchmarks.bench.kinds import DIGIT, JSON, vector
from benchmarks.bench.lines import Line

FILE = Path(__file__).parent / "bars.json"
TURNS, SECONDS = 41, 0.012
"""Many short turns: what else the machine does then slows both of a pair alike."""
MARGIN = 0.82
"""Midway, by ratio, between what was measured and the loss of a third."""
CASES = {
    "16 float32": Case(vector(16)),
    "16 float32, 64 partitions": Case(vector(16), partitions=64),
    "28x28 uint8": Case(DIGIT),
    "32 numbers in JSON": Case(JSON),
}


def bars() -> dict[str, float]:
    """The least share of each case."""
    return dict(json.loads(FILE.read_text()))


def measured(name: str, extra: Extra = nothing) -> Line:
    """A case beside the bare decision."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(CASES[name], Path(folder) / "model", TURNS, SECONDS, extra)


def share(line: Line) -> float:
    """Median over the turns."""
    return line.times("bare decision").median


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    shares = {name: share(measured(name)) for name in CASES}
    for name, found in shares.items():
        print(f"{name}: {found:.3f}")
    FILE.write_text(json.dumps({n: round(MARGIN * s, 4) for n, s in shares.items()}, indent=1))


if __name__ == "__main__":
    main()
