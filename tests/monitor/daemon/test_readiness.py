"""Ready and lag tell the truth: ready only while the records that exist are being judged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.daemon import publisher as publisher_module
from monitor.daemon.cadence import Cadence
from monitor.daemon.loop import Daemon
from monitor.errors import SinkError
from monitor.process import failpoints
from monitor.process.liveness import Liveness
from monitor.state.ledger import Totals
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.kafka.process import wait_until
from tests.monitor.builders import record, records
from tests.monitor.daemon.daemons import assemble, committed, turns

P0, P1 = Partition("in", 0), Partition("in", 1)
LABELS = {"topic": "in", "partition": "0"}
Build = Callable[..., Daemon]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made: list[Daemon] = []

    def make(source: MemorySource, sink: MemorySink, **changes: object) -> Daemon:
        made.append(assemble(source, sink, tmp_path / "state", **changes))
        return made[-1]

    yield make
    for subject in made:
        subject.parts.web.stop()


class BlockedSink(MemorySink):
    """Takes nothing while it is blocked."""

    blocked = True

    def flush(self) -> None:
        if self.blocked:
            raise SinkError("outputs.alerts: no such topic", retryable=True)
        super().flush()


def ready(subject: Daemon) -> tuple[bool, str]:
    subject._gauges.refresh(at_once=True)
    return subject.parts.board.published["ready"], subject.parts.board.published["hindrance"]


def sample(subject: Daemon, name: str, **labels: str) -> float:
    found = subject.parts.metrics.registry.get_sample_value(f"aead_monitor_{name}", labels)
    assert found is not None
    return found


def test_while_an_output_blocks_it_is_not_ready_and_lag_grows(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "FIRST_RETRY_SECONDS", 0.01)
    source, sink = MemorySource([record(0, 1e6)]), BlockedSink()
    subject = build(source, sink)
    thread = threading.Thread(target=subject.run)
    thread.start()
    try:
        board = subject.parts.board
        wait_until(lambda: bool(board.published.get("hindrance")), 10, lambda: board.published)
        source.append(records(np.ones(12_001))[1:])
        wait_until(
            lambda: sample(subject, "consumer_lag_records", **LABELS) == 12_000, 10,
            lambda: sample(subject, "consumer_lag_records", **LABELS),
        )  # fmt: skip
        assert "outputs.alerts: no such topic" in board.published["hindrance"]
        assert sample(subject, "not_ready", reason="output") == 1
        sink.blocked = False
        wait_until(lambda: committed(source) == {P0: 12_001}, 30, lambda: committed(source))
        wait_until(lambda: board.published["ready"], 10, lambda: board.published["hindrance"])
    finally:
        subject.stop()
        thread.join(20)


def test_lag_grows_while_the_loop_hangs_in_a_checkpoint_with_no_lag_before(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, going_on = threading.Event(), threading.Event()

    def hang(place: str) -> None:
        if place == "snapshot_write":
            hanging.set()
            going_on.wait(20)

    monkeypatch.setattr(failpoints, "obey", hang)
    source = MemorySource([record(0, 1.0)])
    subject = build(source, MemorySink())
    thread = threading.Thread(target=subject.run)
    thread.start()
    try:
        assert hanging.wait(10)
        time.sleep(0.1)
        source.append(records(np.ones(500))[1:])
        source.survey()
        before = sample(subject, "consumer_lag_records", **LABELS)
        source.append([record(500, 1.0)])
        source.survey()
        assert sample(subject, "consumer_lag_records", **LABELS) == before + 1
    finally:
        going_on.set()
        subject.stop()
        thread.join(20)


def test_what_is_said_of_a_loop_that_hangs_is_true_whoever_asks(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that the loop alone brings up to date says 0, ready or so for ever."""
    clock = Clock()
    source = MemorySource(records(np.ones(5)))
    subject = build(source, MemorySink(), liveness=Liveness(60, clock, clock))
    monkeypatch.setattr(subject._gauges._lag, "_monotonic", clock)
    turns(subject, 1)
    source.survey()
    subject._gauges.refresh(at_once=True)
    board, turned = subject.parts.board, clock.now
    assert board.now()["ready"]
    assert [p["lag_records"] for p in board.now()["partitions"]] == [0]
    source.append(records(np.ones(9))[5:])
    source.survey()  # on a thread of its own, as the survey of Kafka is
    assert [p["lag_records"] for p in board.now()["partitions"]] == [4]
    clock.now += 61
    now = board.now()
    assert (now["ready"], now["loop_turned"]) == (False, turned)
    assert "hung for 61 s" in now["hindrance"]
    assert sample(subject, "not_ready", reason="hangs") == 1
    assert sample(subject, "loop_timestamp_seconds") == turned
    turns(subject, 1)
    subject._gauges.refresh(at_once=True)
    assert board.now()["ready"]
    assert sample(subject, "not_ready", reason="hangs") == 0


def test_a_partition_whose_lag_is_not_known_is_still_ours(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    source = MemorySource(records(np.ones(5)))
    subject = build(source, MemorySink(), stall_seconds=0.2)
    monkeypatch.setattr(subject._gauges._lag, "_monotonic", clock)
    turns(subject, 1)
    source.survey()
    clock.now += 60  # and no broker has said since where it ends
    subject._gauges.refresh(at_once=True)
    (partition,) = subject.parts.board.now()["partitions"]
    assert (partition["assigned"], partition["lag_records"]) == (True, None)
    time.sleep(0.3)
    answer, text = ready(subject)
    assert (answer, "whether records wait is not known" in text) == (False, True)
    source.survey()
    assert ready(subject) == (True, "")


def test_a_fenced_member_is_not_ready_and_says_which_setting(build: Build) -> None:
    source = MemorySource(records(np.ones(5)))
    subject = build(source, MemorySink())
    turns(subject, 1)
    assert ready(subject) == (True, "")
    source.fenced = True
    answer, text = ready(subject)
    assert not answer
    assert "kafka.instance" in text
    assert sample(subject, "not_ready", reason="fenced") == 1


def test_a_fenced_member_takes_back_what_is_not_final(build: Build) -> None:
    source = MemorySource(records(np.ones(50)))
    subject = build(source, MemorySink(), cadence=Cadence(seconds=1e9, records=10**9))
    turns(subject, 1)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 50
    source.fenced = True
    source.revoke(P0)
    turns(subject, 1)
    assert subject.parts.pipeline.ledger.totals.get(P0, Totals()).consumed == 0
    assert not subject.parts.checkpoints.doubtful


def test_a_partition_that_cannot_be_read_is_named(build: Build) -> None:
    source = MemorySource([record(0, 1.0), record(0, 1.0, partition=1)])
    subject = build(source, MemorySink())
    turns(subject, 1)
    source.silent = {P1: "it has no leader"}
    answer, text = ready(subject)
    assert (answer, "in/1: it has no leader" in text) == (False, True)
    source.silent = {}
    assert ready(subject) == (True, "")


def test_a_state_folder_that_cannot_be_written_is_not_ready(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(place: str) -> None:
        if place == "snapshot_write":
            raise OSError(28, "no space left on device")

    source = MemorySource(records(np.ones(5)))
    subject = build(source, MemorySink())
    with monkeypatch.context() as disk:
        disk.setattr(failpoints, "obey", full)
        turns(subject, 2)
        answer, text = ready(subject)
        assert (answer, "no space left" in text) == (False, True)
        assert "state.directory" in text
    turns(subject, 1)
    assert ready(subject) == (True, "")


def test_not_ready_when_nothing_is_judged_for_too_long_while_records_wait(build: Build) -> None:
    source = MemorySource(records(np.ones(5)))
    subject = build(source, MemorySink(), stall_seconds=0.2)
    turns(subject, 1)
    time.sleep(0.3)
    assert ready(subject) == (True, "")  # nothing waits
    source.append(records(np.ones(9))[5:])
    subject._gauges.refresh(at_once=True)
    time.sleep(0.3)
    answer, text = ready(subject)
    assert (answer, "none was judged" in text) == (False, True)
    turns(subject, 1)
    assert ready(subject) == (True, "")


def test_a_partition_that_has_no_turn_is_told_while_others_are_judged(build: Build) -> None:
    first, second = records(np.ones(4000)), records(np.ones(5), partition=1)
    source = MemorySource([*first, *second])  # the second one's turn comes after all of these
    subject = build(source, MemorySink(), stall_seconds=0.3, max_poll_records=4)
    turns(subject, 1)
    assert ready(subject) == (True, "")
    began, beginning = time.monotonic(), sample(subject, "records_consumed_total")
    while time.monotonic() - began < 0.5:
        turns(subject, 1)
    answer, text = ready(subject)
    assert (answer, "(in/1)" in text, "in/0" in text) == (False, True, False), text
    assert sample(subject, "records_consumed_total") > beginning
    assert sample(subject, "not_ready", reason="starved") == 1
    assert sample(subject, "not_ready", reason="stalled") == 0
    source.silent = {P1: "it has no leader"}  # a reason of its own, and told once
    assert sorted(_reasons(subject)) == ["unreadable"]
    source.silent = {}
    turns(subject, 1100)
    assert committed(source)[P1] == 5
    assert _reasons(subject) == {}


def _reasons(subject: Daemon) -> dict[str, str]:
    subject._gauges.refresh(at_once=True)
    found: dict[str, str] = subject.parts.board.published["hindrances"]
    return found
