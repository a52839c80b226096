"""Speed is kept: costs against those of the same figures without a daemon around them.

Processor time of one process, by turns, and of each the best turn: that changes little on a busy
machine. A bar lies a fifth below what was measured, so that the loss of a third is noticed.
"""

import time
from pathlib import Path

import pytest

from benchmarks.bench.in_memory import Case, Extra, measure, nothing
from benchmarks.bench.kinds import DIGIT, JSON, vector
from benchmarks.bench.lines import Line
from benchmarks.bench.measuring import Cost

TURNS, SECONDS = 9, 0.08
CASES = {
    "16 float32": (Case(vector(16)), 0.031),
    "16 float32, 64 partitions": (Case(vector(16), partitions=64), 0.026),
    "28x28 uint8": (Case(DIGIT), 0.42),
    "32 numbers in JSON": (Case(JSON), 0.22),
}
"""With each case the least share: cost of the bare decision over ours."""


def best(costs: list[Cost]) -> float:
    return min(cost.processor for cost in costs)


def share(line: Line) -> float:
    return best(list(line.beside["bare decision"])) / best(list(line.ours))


def measured(case: Case, folder: Path, extra: Extra = nothing) -> Line:
    return measure(case, folder, TURNS, SECONDS, extra)


def burning(seconds: float) -> Extra:
    """Costs so much processor time with each batch."""

    def burn(batch: object) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    return burn


@pytest.mark.parametrize("name", CASES)
def test_the_decision_costs_no_more_than_it_did(name: str, tmp_path: Path) -> None:
    case, bar = CASES[name]
    found = share(measured(case, tmp_path / "model"))
    assert found >= bar, f"{name}: {found:.3f}; what became slower? (python -m benchmarks.bench)"


@pytest.mark.parametrize("name", ["16 float32", "28x28 uint8"])
def test_the_loss_of_a_third_is_noticed(name: str, tmp_path: Path) -> None:
    case, bar = CASES[name]
    line = measured(case, tmp_path / "model")
    # A third fewer records in the same time: each costs half as much again.
    half = best(list(line.ours)) / 2 * 512 / 1e6
    slower = measured(case, tmp_path / "model", burning(half))
    found = share(slower)
    assert found < bar, f"{name}: {found:.3f}; it became faster: raise its bar"
