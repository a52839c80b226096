"""A crash at any step of a swap leaves a whole model and exact books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.daemon.cadence import Cadence
from monitor.process import failpoints
from monitor.state.folder import ACCEPTED, read
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import VERSION, candidate
from tests.monitor.daemon.crashes import Crash, Killed, Run, finish
from tests.monitor.model_in_use.swaps import NEW, bodies, check_books, firing, new, stream

PLACES = tuple(p for p in failpoints.PLACES if p not in ("sink", "snapshot_write"))


@pytest.mark.parametrize("place", failpoints.SWAP_PLACES)
def test_a_crash_in_a_swap_changes_no_byte_when_it_comes_back_with_the_new_model(
    place: str, crash: Crash, start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path / "whole", start)
    subject.parts.slot.put(new())
    finish(subject, source)
    expected, told = read(tmp_path / "whole" / ACCEPTED).memory, bodies(sink, "alert")

    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path / "crashed", start)
    subject.parts.slot.put(new())
    crash.at(place)
    with pytest.raises(Killed, match=place):
        finish(subject, source)
    crash.at("", 0)
    subject = start(source, sink, tmp_path / "crashed", model=new())
    finish(subject, source)
    check_books(subject, stream(), sink)
    snapshot = read(tmp_path / "crashed" / ACCEPTED)
    assert (snapshot.model_version, snapshot.memory) == (NEW, expected)
    distinct = {event.key: event.value for event in sink.flushed if event.kind == "alert"}
    assert {(e.key, e.value) for e in sink.flushed if e.kind == "alert"} == set(distinct.items())
    assert [json.loads(value or b"") for value in distinct.values()] == told


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("comes_back_with", [VERSION, NEW])
@pytest.mark.parametrize("partitions", [1, 3])
def test_a_crash_at_any_step_around_a_swap_keeps_the_books(
    place: str, comes_back_with: str, partitions: int, crash: Crash, start: Run, tmp_path: Path
) -> None:
    sent = stream(partitions)
    source, sink = MemorySource(sent), MemorySink()
    cadence = Cadence(1e9, 250) if partitions == 3 else Cadence(0)
    subject = firing(source, sink, tmp_path, start, cadence=cadence)
    subject.parts.slot.put(new())
    crash.at(place, 2 if place not in failpoints.SWAP_PLACES else 1)
    with pytest.raises(Killed, match=place):
        finish(subject, source)
    crash.at("", 0)
    model = new() if comes_back_with == NEW else candidate()
    subject = start(source, sink, tmp_path, model=model)
    subject.parts.slot.put(new())  # as a follower would, once it has looked
    finish(subject, source)
    check_books(subject, sent, sink)
    assert subject.model.version == read(tmp_path / ACCEPTED).model_version == NEW
    ended = {b["id"] for b in bodies(sink, "alert") if b["event"] == "resolved"}
    fired = {b["id"] for b in bodies(sink, "alert") if b["model_version"] == VERSION}
    assert len(ended) == 1
    assert len(fired) == 2


def test_a_model_taken_back_after_a_crash_goes_on_where_its_snapshot_stands(
    crash: Crash, start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = firing(source, sink, tmp_path, start)
    subject.parts.slot.put(new())
    crash.at("handover_told")
    with pytest.raises(Killed):
        finish(subject, source)
    crash.at("", 0)
    subject = start(source, sink, tmp_path)
    assert subject.parts.pipeline.judge.verdict.state == "firing"
    finish(subject, source)
    check_books(subject, stream(), sink)


@pytest.mark.parametrize("place", PLACES)
def test_a_crash_after_a_start_with_another_model_loses_no_end_of_an_episode(
    place: str, crash: Crash, start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    firing(source, sink, tmp_path, start)
    crash.at(place)
    try:
        finish(start(source, sink, tmp_path, model=new()), source)
    except Killed:
        crash.at("", 0)
        finish(start(source, sink, tmp_path, model=new()), source)
    alerts = {e.key: json.loads(e.value or b"") for e in sink.flushed if e.kind == "alert"}
    old = [(a["event"], a["episode"]) for a in alerts.values() if a["model_version"] == VERSION]
    assert [event for event, _ in old] == ["firing", "resolved"]
    assert len({episode for _, episode in old}) == 1
