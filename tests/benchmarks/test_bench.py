"""Speed is kept: our cost beside that of the same figures without a daemon around them.

Processor time of one process, in many short turns: that changes little on a busy machine, but much
from one processor to another, so that its bars are wide (bars.py). What is done in Python for each
batch or record shows in the number of calls, which is the same everywhere and has narrow bars.

It is measured in a process of its own (timed.py): in this one, threads that other tests have left
may be at work.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch

from benchmarks.bench import bare, report
from benchmarks.bench.lines import Line, Result, Table
from benchmarks.bench.measuring import Cost, Work, in_turns
from monitor.stream.columns import Columns
from tests.benchmarks import timed
from tests.benchmarks.bars import CASES, counted, least_shares, measured, most_calls, share


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads of torch on shared cores wait for each other, and waiting costs time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def alone() -> Iterator[Executor]:
    """A new Python in which nothing else is at work."""
    new = get_context("spawn")
    with ProcessPoolExecutor(1, new, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool


def processor(costs: object) -> float:
    """Median processor time of a batch, in seconds."""
    each = sorted(cost.processor for cost in costs)
    return each[len(each) // 2] * bare.BATCH / 1e6


@pytest.mark.parametrize("name", CASES)
def test_the_decision_costs_no_more_than_it_did(name: str, alone: Executor) -> None:
    found, least = share(alone.submit(measured, name).result()), least_shares()[name]
    assert found >= least, (
        f"{name}: {found:.3f} of our cost is the bare decision's, {least:.3f} wanted. What became"
        " slower? (python -m benchmarks.bench --only in_memory)"
    )


@pytest.mark.parametrize("name", CASES)
def test_the_decision_takes_no_more_calls_than_it_did(name: str) -> None:
    found, most = counted(name), most_calls()[name]
    assert found <= most, f"{name}: {found:,.0f} calls a batch, {most:,.0f} may be"
    # Far below the bar it would notice nothing.
    assert found > 0.7 * most, f"{name}: {found:,.0f} calls: lower the bar (tests.benchmarks.bars)"


@pytest.mark.parametrize("name", ["16 float32", "32 numbers in JSON"])
def test_the_loss_of_a_third_shows_in_the_share(name: str, alone: Executor) -> None:
    # A third fewer records in the same time: each costs half as much again.
    line = alone.submit(measured, name).result()
    burning = timed.Burning(processor(line.ours) / 2)
    slower = share(alone.submit(measured, name, burning).result())
    assert 0.5 < slower / share(line) < 0.82


def test_one_call_for_each_record_shows_in_the_calls() -> None:
    def extra(batch: Columns) -> object:
        return [int.bit_length(offset) for offset in batch.offsets.tolist()]

    for name in CASES:
        assert counted(name, extra) > most_calls()[name]


def test_a_cost_is_that_of_a_record_in_microseconds(alone: Executor) -> None:
    found = alone.submit(timed.of_work, 0.01, 10).result()
    assert 1000 <= found.processor < 1300
    assert found.wall >= 0.9 * found.processor


def test_what_waits_costs_no_processor_time(alone: Executor) -> None:
    found = alone.submit(timed.of_waiting, 0.05).result()
    assert found.processor < 10_000
    assert found.wall >= 50_000


def test_a_stage_clock_counts_its_stage_alone(alone: Executor) -> None:
    stages = (("score", 0.02), ("judge", 0.005))
    found = alone.submit(timed.of_stage, "judge", stages).result()
    assert 5000 <= found.processor < 7000


def test_everybody_has_a_turn_and_every_other_goes_backwards() -> None:
    order = []

    def work(name: str) -> Work:
        return lambda: order.append(name) or 1

    found = in_turns({"a": work("a"), "b": work("b")}, turns=2, seconds=0)
    assert "".join(order) == "ababba"
    assert {name: len(costs) for name, costs in found.items()} == {"a": 2, "b": 2}


def line() -> Line:
    costs = [Cost(10.0, 12.0), Cost(20.0, 21.0), Cost(30.0, 30.0)]
    parts = {"client": [Cost(1.0, 1.0)] * 3, "forward": [Cost(4.0, 4.0)] * 3}
    return Line("vectors", costs, parts, {"PyOD": [Cost(60.0, 60.0)] * 3}, {"bytes": 64})


def test_a_share_is_the_cost_of_the_parts_over_ours_in_the_same_turn() -> None:
    found = line().share
    assert (found.median, found.low, found.high) == (5 / 20, 5 / 30, 5 / 10)


def test_a_rival_that_costs_three_times_as_much_is_at_three() -> None:
    assert line().times("PyOD").median == 3.0


def group(result: Result) -> dict[str, object]:
    about = {"date": "today", "commit": "c", "cores": 2, "processor": "p", "versions": {"a": "1"}}
    return {
        "title": "t", "short": False, "seconds": 1.0, "about": about, "loads": [0.5, 2.0],
        **result.to_json(),
    }  # fmt: skip


def test_a_later_run_replaces_only_what_it_measured(tmp_path) -> None:
    one = group(Result([line()]))
    two = group(Result(tables=[Table("times", ("what", "ms"), [("append", 1.5)])]))
    three = group(Result(skipped=["Rival, which is not there"]))
    report.write(tmp_path, {"one": one, "two": two}, ("one", "two"))
    text = report.write(tmp_path, {"two": three}, ("one", "two")).read_text()
    assert "| vectors | 20.00 (10.00-30.00) | 50,000 | 21.00 | client 1.00, forward 4.00" in text
    assert "| 0.25 (0.17-0.50) | PyOD 3.00 (2.00-6.00) | bytes 64 |" in text
    assert "load 0.5 to 2.0" in text
    assert "Not measured: Rival, which is not there." in text
    assert "append" not in text
