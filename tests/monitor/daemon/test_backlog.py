"""Records between poll and decision: scored beside the run loop, in order, each at most once."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from monitor.daemon.backlog import Backlog
from monitor.pipeline.scored import Scored
from monitor.stream.batching import Batcher, BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import normal_errors, pipeline, record, records
from tests.monitor.daemon.crashes import Run, finish
from tests.monitor.daemon.daemons import committed, keys

P0, P1 = Partition("in", 0), Partition("in", 1)


class Gate:
    """Scores when it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.began = threading.Semaphore(0)

    def __call__(self, batch: Columns) -> Scored:
        self.began.release()
        assert self.opened.wait(10)
        return pipeline().score(batch)


def held_back(ahead: int = 1) -> tuple[Backlog, Gate]:
    gate = Gate()
    return Backlog(Batcher(BatchLimits(10, 10**6, 0.0)), gate, ahead), gate


def test_a_batch_is_scored_while_the_run_loop_goes_on() -> None:
    backlog, gate = held_back()
    backlog.add(Columns.of(records(np.ones(10))), 0.0)
    assert backlog.start(0.0)
    assert gate.began.acquire(timeout=10)
    assert backlog.scoring == 1 and backlog.records == 10
    assert backlog.wait_seconds(0.0, longest=1.0) == 0.0
    assert backlog.may_wait(more=True) and not backlog.may_wait(more=False)
    gate.opened.set()
    assert [r.offset for r in backlog.take().records] == list(range(10))
    assert backlog.records == 0
    backlog.close()


def test_no_more_batches_than_allowed_are_scored_at_a_time() -> None:
    backlog, gate = held_back(ahead=1)
    backlog.add(Columns.of(records(np.ones(35))), 0.0)
    assert [backlog.start(0.0) for _ in range(4)] == [True, True, False, False]
    assert not backlog.may_wait(more=True)
    gate.opened.set()
    assert [backlog.take().records.record(0).offset for _ in range(2)] == [0, 10]
    backlog.close()


def test_what_is_lost_while_it_is_scored_is_left_out_and_counted_once() -> None:
    backlog, gate = held_back()
    batch = [record(i // 2, 1e6 if i % 2 else 1.0, i % 2) for i in range(10)]
    backlog.add(Columns.of(batch), 0.0)
    backlog.start(0.0)
    assert backlog.drop([P1]) == 5
    assert backlog.drop([P1]) == 0
    assert backlog.held() == {P0: 5}
    gate.opened.set()
    scored = backlog.take()
    assert {r.source for r in scored.records} == {P0}
    assert len(scored.rows) == 5 and not scored.scores.anomalous.any()
    backlog.close()


def test_a_batch_that_takes_no_time_is_scored_at_once_and_decided_on_before_the_next() -> None:
    threads = []

    def score(batch: Columns) -> Scored:
        threads.append(threading.current_thread())
        if len(threads) == 2:
            time.sleep(0.2)
        return pipeline().score(batch)

    backlog = Backlog(Batcher(BatchLimits(10, 10**6, 0.0)), score, ahead=1, worth_seconds=0.1)
    backlog.add(Columns.of(records(np.ones(45))), 0.0)
    assert backlog.start(0.0)
    assert not backlog.start(0.0) and not backlog.may_wait(more=True)
    assert backlog.take().records.record(0).offset == 0
    assert backlog.start(0.0) and backlog.own_seconds >= 0.2
    assert backlog.start(0.0) and backlog.own_seconds == 0.0
    assert [backlog.take().records.record(0).offset for _ in range(2)] == [10, 20]
    own = threading.current_thread()
    assert [thread is own for thread in threads] == [True, True, False]
    backlog.close()


def test_an_error_of_the_scorer_ends_the_run_loop() -> None:
    def broken(batch: Columns) -> Scored:
        raise RuntimeError("the device is gone")

    backlog = Backlog(Batcher(BatchLimits(10, 10**6, 0.0)), broken, 1)
    backlog.add(Columns.of(records([1.0])), 0.0)
    backlog.start(0.0)
    with pytest.raises(RuntimeError, match="the device is gone"):
        backlog.take()
    backlog.close()


@pytest.mark.parametrize("ahead", [1, 2])
def test_whatever_is_scored_beside_the_outcome_is_the_same(
    ahead: int, start: Run, tmp_path: Path
) -> None:
    errors = np.concatenate([normal_errors(2000), normal_errors(2000, 1, 3.0)])
    stream = [record(i // 2, float(error), i % 2) for i, error in enumerate(errors)]
    ways = []
    for number in (0, ahead):
        source, sink = MemorySource(stream), MemorySink()
        finish(start(source, sink, tmp_path / str(number), ahead=number), source)
        ways.append((committed(source), keys(sink)))
    assert ways[0] == ways[1]
