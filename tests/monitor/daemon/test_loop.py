"""The run loop: nothing lost, nothing committed before it is safe, a stop in good order."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest

from monitor.daemon import publisher as publisher_module
from monitor.daemon.loop import Daemon
from monitor.errors import SinkError
from monitor.pipeline.step import Pipeline
from monitor.process.deadline import Deadline
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.stream.batching import Batcher, BatchLimits
from monitor.stream.events import Event
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import candidate, normal_errors, record, records
from tests.monitor.daemon.daemons import assemble, committed, keys, turns

P0, P1 = Partition("in", 0), Partition("in", 1)


class FailingSink(MemorySink):
    """Fails the first `failures` flushes, as a broker that is away does."""

    def __init__(self, failures: int, on_failure: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.failures = failures
        self._on_failure = on_failure

    def flush(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            self._on_failure()
            raise SinkError("the broker is away", retryable=True)
        super().flush()


Build = Callable[..., Daemon]


@pytest.fixture
def build() -> Iterator[Build]:
    """Makes daemons, and frees their ports after the test."""
    made: list[Daemon] = []

    def make(source: MemorySource, sink: MemorySink, **changes: object) -> Daemon:
        made.append(assemble(source, sink, **changes))
        return made[-1]

    yield make
    for subject in made:
        subject.parts.web.stop()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "FIRST_RETRY_SECONDS", 0.001)


def test_anomalies_and_dead_letters_are_published_and_offsets_committed(build: Build) -> None:
    source = MemorySource([record(0, 1.0), record(1, b"bad"), record(2, 1e6)])
    sink = MemorySink()
    turns(build(source, sink), 1)
    assert keys(sink) == [b"in/0/1", b"in/0/2/0"]
    assert [event.key for event in sink.flushed] == [b"k", b"in/0/2/0"]
    assert committed(source) == {P0: 3}


def test_offsets_are_committed_only_after_the_flush(build: Build) -> None:
    source = MemorySource([record(0, 1e6)])
    committed_at_failure = []
    sink = FailingSink(3, lambda: committed_at_failure.append(committed(source)))
    subject = build(source, sink)
    turns(subject, 1)
    assert committed_at_failure == [{P0: 0}, {P0: 0}, {P0: 0}]
    assert keys(sink) == [b"in/0/0/0"]
    assert committed(source) == {P0: 1}
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value("aead_monitor_publish_failures_total") == 3


def test_a_stop_while_the_sink_is_broken_commits_nothing(build: Build) -> None:
    source = MemorySource([record(0, 1e6)])
    sink = FailingSink(10**9)
    subject = build(source, sink, deadline=Deadline(0.01))
    sink._on_failure = subject.stop
    subject.run()
    assert committed(source) == {P0: 0}
    assert sink.flushed == []


def test_a_sink_error_that_cannot_be_retried_ends_the_daemon(build: Build) -> None:
    class BrokenSink(MemorySink):
        def publish(self, events: Iterable[Event]) -> None:
            raise SinkError("not allowed", retryable=False)

    with pytest.raises(SinkError, match="not allowed"):
        turns(build(MemorySource([record(0, 1e6)]), BrokenSink()), 1)


def test_a_stop_finishes_what_was_polled(build: Build) -> None:
    source = MemorySource(records(np.ones(50)))
    sink = MemorySink()
    slow = Batcher(BatchLimits(1000, 10**6, linger_seconds=60.0))
    subject = build(source, sink, batcher=slow)
    turns(subject, 1)
    assert committed(source) == {P0: 0}
    subject.stop()
    subject.run()
    assert committed(source) == {P0: 50}


def test_records_of_a_lost_partition_are_dropped_unscored(build: Build) -> None:
    source = MemorySource([record(0, 1.0), record(0, 1e6, partition=1)])
    sink = MemorySink()
    subject = build(source, sink, batcher=Batcher(BatchLimits(3, 10**6, 60.0)))
    turns(subject, 1)
    source.revoke(P1)
    source.append([record(1, 1.0), record(2, 1.0)])
    turns(subject, 1)
    assert committed(source) == {P0: 3, P1: 0}
    assert sink.flushed == []
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value("aead_monitor_records_dropped_total") == 1


def test_a_restart_goes_on_where_the_last_commit_was(build: Build) -> None:
    source = MemorySource(records(np.full(150, 1e6)))
    sink = MemorySink()
    turns(build(source, sink), 1)
    source.restart()
    turns(build(source, sink), 1)
    assert keys(sink) == [f"in/0/{offset}/0".encode() for offset in range(150)]


def test_drift_is_published_counted_and_shown(build: Build) -> None:
    errors = np.concatenate([normal_errors(4096), normal_errors(4096, 1, scale=3.0)])
    source = MemorySource(records(errors))
    sink = MemorySink()
    subject = build(source, sink)
    turns(subject, 82)
    alerts = [json.loads(e.value) for e in sink.flushed if e.kind == "alert"]
    assert [alert["event"] for alert in alerts] == ["firing"]
    status = subject.parts.board.published
    assert status["drift"]["state"] == "firing"
    assert [c["event"] for c in status["changes"]] == ["pending", "firing"]
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value("aead_monitor_drift_state", {"state": "firing"}) == 1


def test_prometheus_sees_when_a_new_model_was_asked_for_until_it_is_in_use(build: Build) -> None:
    errors = np.concatenate([normal_errors(4096), normal_errors(4096, 1, scale=3.0)])
    model = candidate()
    asking = Pipeline(model.decode, model.scorer, model.judge, history=History(Policy(mode="auto")))
    subject = build(MemorySource(records(errors)), MemorySink(), pipeline=asking)
    registry = subject.parts.metrics.registry
    name = "aead_monitor_retrain_request_timestamp_seconds"
    assert registry.get_sample_value(name) == 0
    turns(subject, 82)
    (request,) = asking.history.requests
    assert registry.get_sample_value(name) == request.timestamp / 1000
    subject.parts.slot.put(candidate("another version"))
    turns(subject, 1)
    assert subject.model.version == "another version"
    assert registry.get_sample_value(name) == 0


def test_not_ready_without_a_broker_or_without_partitions(build: Build) -> None:
    source = MemorySource()
    subject = build(source, MemorySink())
    turns(subject, 1)
    assert subject.parts.board.published["ready"] is False
    source.append(records([1.0]))
    subject._gauges.refresh(at_once=True)
    assert subject.parts.board.published["ready"] is True
    source.connected = False
    subject._gauges.refresh(at_once=True)
    assert subject.parts.board.published["ready"] is False


def test_lag_is_what_is_not_yet_decided_on(build: Build) -> None:
    source = MemorySource(records(np.ones(250)))
    subject = build(source, MemorySink())
    turns(subject, 1)
    subject._gauges.refresh(at_once=True)
    registry = subject.parts.metrics.registry
    labels = {"topic": "in", "partition": "0"}
    assert registry.get_sample_value("aead_monitor_consumer_lag_records", labels) == 150
    assert registry.get_sample_value("aead_monitor_consumer_lag_seconds", labels) > 0


def test_it_runs_until_stopped_from_another_thread(build: Build) -> None:
    source = MemorySource(records(np.ones(1000)))
    subject = build(source, MemorySink())
    thread = threading.Thread(target=subject.run)
    thread.start()
    while committed(source).get(P0) != 1000:
        thread.join(0.01)
    subject.stop()
    thread.join(10)
    assert not thread.is_alive()
