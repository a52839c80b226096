"""A new model takes its place between two batches: no record twice, none lost, one model each."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
from numpy.typing import NDArray

from monitor.daemon.cadence import Cadence
from monitor.errors import DecodeError, SinkError
from monitor.pipeline.explanations import Explanations
from monitor.stream.batching import BatchLimits
from monitor.stream.events import Event
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import VERSION, OneByOne, candidate, normal_errors, record, records
from tests.monitor.daemon.crashes import Run, finish
from tests.monitor.daemon.daemons import committed, turns
from tests.monitor.model_in_use.swaps import (
    NEW,
    NEW_THRESHOLD,
    OLD_THRESHOLD,
    RECORDS,
    bodies,
    check_books,
    firing,
    new,
    sample,
    stream,
)
from tests.monitor.pipeline.test_events import schema
from tests.monitor.pipeline.test_explanations import FirstValue

P0, P1 = Partition("in", 0), Partition("in", 1)
NEWER = "00000000ffffffff"


def test_records_before_a_swap_are_the_old_models_and_those_after_it_the_new_ones(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(records(np.full(600, 1e6))), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 2)
    subject.parts.slot.put(new())
    turns(subject, 4)
    found = [(b["offset"], b["model_version"], b["threshold"]) for b in bodies(sink, "anomaly")]
    swap = 300  # taken at the end of a turn, after its batch
    assert found == [
        (i, *((VERSION, OLD_THRESHOLD) if i < swap else (NEW, NEW_THRESHOLD))) for i in range(600)
    ]
    assert subject.parts.pipeline.ledger.totals[P0].anomalous == 600


def test_the_new_model_explains_its_own_anomalies(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(records(np.full(300, 1e6))), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 1)
    explanations = Explanations(FirstValue(), 20, 1)
    subject.parts.slot.put(replace(new(), explanations=explanations))
    turns(subject, 3)
    named = [b["model_version"] for b in bodies(sink, "anomaly") if "explanation" in b]
    assert named == [NEW] * 100


def test_a_swap_shows_the_new_model_everywhere(start: Run, tmp_path: Path) -> None:
    subject = start(MemorySource(records(normal_errors(300))), MemorySink(), tmp_path)
    turns(subject, 1)
    assert sample(subject, "model_info", version=VERSION, architecture="values") == 1
    assert sample(subject, "model_swap_timestamp_seconds") == 0
    subject.parts.slot.put(new())
    turns(subject, 1)
    assert sample(subject, "model_info", version=VERSION, architecture="values") is None
    assert sample(subject, "model_info", version=NEW, architecture="values") == 1
    assert sample(subject, "threshold") == NEW_THRESHOLD
    assert sample(subject, "model_swaps_total") == 1
    assert sample(subject, "model_swap_seconds_count") == 1
    assert (sample(subject, "model_swap_timestamp_seconds") or 0) > 1.7e9
    assert subject.parts.metrics.error_ratio.threshold == NEW_THRESHOLD
    status = subject.parts.board.published
    assert status["model"] == {"version": NEW, "threshold": NEW_THRESHOLD}
    assert status["drift"]["window_records"] == 0
    assert status["partitions"][0]["scored"] == 200


def test_an_episode_that_fires_ends_with_its_model(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path, start)
    subject.parts.slot.put(new())
    finish(subject, source)
    check_books(subject, stream(), sink)
    first, ended, again = bodies(sink, "alert")
    assert [a["event"] for a in (first, ended, again)] == ["firing", "resolved", "firing"]
    assert ended["episode"] == first["episode"] != again["episode"]
    assert [a["model_version"] for a in (first, ended, again)] == [VERSION, VERSION, NEW]
    assert ended["verdict"]["explanation"].startswith(f"model replaced: {NEW} takes the place of")
    assert ended["verdict"]["state"] == "ok"
    assert ended["next_offsets"][0]["offset"] == 3100
    jsonschema.validate(ended, schema("alert"))
    assert [c["event"] for c in subject.parts.board.published["changes"]].count("resolved") == 1
    assert sample(subject, "alerts_total", event="resolved") == 1


def test_without_an_episode_nothing_is_said(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(records(normal_errors(1000))), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 2)
    subject.parts.slot.put(new())
    finish(subject, source)
    assert bodies(sink, "alert") == []


def test_a_model_with_other_records_decodes_them_its_own_way(start: Run, tmp_path: Path) -> None:
    def pairs(value: bytes | None) -> NDArray[np.float64]:
        numbers = [float(part) for part in (value or b"").split(b",")]
        if len(numbers) != 2:
            raise DecodeError("wrong_shape", "two numbers expected")
        return np.array([numbers])

    source, sink = MemorySource([record(i, [1.0]) for i in range(200)]), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 1)
    subject.parts.slot.put(
        replace(new(), decode=OneByOne(pairs), limits=BatchLimits(10, 10**6, 0.0))
    )
    source.append([record(200 + i, [1.0, 2.0]) for i in range(50)])
    finish(subject, source)
    totals = subject.parts.pipeline.ledger.totals[P0]
    assert (totals.scored, totals.dead_lettered) == (250, 0)
    assert sample(subject, "batch_records_bucket", le="16.0") == 5


def test_a_restart_with_another_model_keeps_the_totals_and_ends_the_episode_once(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path, start)
    before = dict(subject.parts.pipeline.ledger.totals)
    for _ in range(3):
        subject = start(source, sink, tmp_path, model=new())
        assert subject.parts.pipeline.ledger.totals == before
        subject.turn()
        before = dict(subject.parts.pipeline.ledger.totals)
    finish(subject, source)
    check_books(subject, stream(), sink)
    assert [b["event"] for b in bodies(sink, "alert")] == ["firing", "resolved", "firing"]


def test_a_swap_waits_while_it_is_not_known_what_is_final(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream(2)), MemorySink()
    subject = start(source, sink, tmp_path, cadence=Cadence(1e9, 10**9))
    turns(subject, 3)
    subject.parts.slot.put(new())
    source.revoke(P1)  # with work on it that is not committed
    subject._swap.turn()
    assert subject.model.version == VERSION
    source.assign(P1)
    for _ in range(3):
        subject._swap._not_before = 0.0
        subject.turn()
    assert subject.model.version == NEW


def test_a_broker_that_is_away_puts_a_swap_off(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = start(source, sink, tmp_path, cadence=Cadence(1e9, 10**9))
    turns(subject, 3)
    subject.parts.slot.put(new())
    source.connected = False
    turns(subject, 3)
    assert subject.model.version == VERSION
    assert sample(subject, "commit_failures_total") == 1  # and tries again after a second
    source.connected = True
    subject._swap._not_before = 0.0
    turns(subject, 1)
    assert subject.model.version == NEW


class NoAlerts(MemorySink):
    """Refuses alerts, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def publish(self, events: Iterable[Event]) -> None:
        events = list(events)
        if self.times and any(event.kind == "alert" for event in events):
            self.times -= 1
            raise SinkError("no", retryable=True)
        super().publish(events)


def test_an_end_of_an_episode_that_cannot_be_published_is_published_later(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), NoAlerts(0)
    subject = firing(source, sink, tmp_path, start)
    subject.parts.slot.put(new())
    sink.times = 2
    deadline = subject.parts.deadline
    deadline.seconds = 0.0  # no time to try again
    deadline.begin()
    subject.turn()
    assert subject.parts.checkpoints.doubtful
    assert [b["event"] for b in bodies(sink, "alert")] == ["firing"]
    deadline.seconds = 3600.0
    sink.times = 0
    finish(subject, source)
    check_books(subject, stream(), sink)
    assert [b["event"] for b in bodies(sink, "alert")] == ["firing", "resolved", "firing"]


def test_a_member_without_partitions_takes_a_new_model_too(start: Run, tmp_path: Path) -> None:
    source = MemorySource()
    subject = start(source, MemorySink(), tmp_path)
    subject.parts.slot.put(new())
    subject.turn()
    assert subject.model.version == NEW
    source.append(stream())
    finish(subject, source)
    check_books(subject, stream(), MemorySink())


def test_a_model_that_was_replaced_is_forgotten(start: Run, tmp_path: Path) -> None:
    subject = start(MemorySource(stream()), MemorySink(), tmp_path)
    old = [weakref.ref(part) for part in (subject.model.scorer, subject.model.judge)]
    subject.parts.slot.put(new())
    turns(subject, 2)
    gc.collect()
    assert [part() for part in old] == [None, None]


def test_a_member_that_has_lost_its_partitions_ends_its_episode_when_it_gets_one(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path, start)
    source.revoke(P0, orderly=True)
    subject.turn()
    for model in (new(), candidate(NEWER), new()):
        subject.parts.slot.put(model)
        subject.turn()
        assert subject.model.version == model.version
    assert [b["event"] for b in bodies(sink, "alert")] == ["firing"]
    source.assign(P0)
    finish(subject, source)
    first, ended, _ = bodies(sink, "alert")
    assert (ended["event"], ended["episode"]) == ("resolved", first["episode"])
    check_books(subject, stream(), sink)


def test_of_two_offers_the_newer_is_taken_and_the_one_in_use_is_not_swapped(
    start: Run, tmp_path: Path
) -> None:
    subject = start(MemorySource(stream()), MemorySink(), tmp_path)
    subject.parts.slot.put(candidate(NEWER))
    subject.parts.slot.put(new())
    turns(subject, 2)
    subject.parts.slot.put(new())
    turns(subject, 2)
    assert subject.model.version == NEW
    assert sample(subject, "model_swaps_total") == 1


def test_twenty_swaps_keep_the_books(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream(3)), MemorySink()
    subject = start(source, sink, tmp_path)
    for number in range(20):
        subject.parts.slot.put(new() if number % 2 else candidate())
        turns(subject, 2)
    finish(subject, source)
    check_books(subject, stream(3), sink)
    assert sum(c for c in committed(source).values()) == RECORDS
    assert sample(subject, "model_swaps_total") == 19  # the first was in use
