"""Muted daemons that die, start again, or get another model: nothing is lost, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.daemon.cadence import Cadence
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import VERSION, candidate
from tests.monitor.daemon.crashes import Crash, Killed, Run, finish
from tests.monitor.daemon.daemons import turns
from tests.monitor.daemon.muted import BEFORE, DRIFT, FIRES, Stage
from tests.monitor.daemon.test_crashes import PLACES
from tests.monitor.model_in_use.swaps import NEW


@pytest.fixture
def stage(start: Run, tmp_path: Path) -> Stage:
    return Stage(start, tmp_path / "state")


def test_a_restart_while_muted_keeps_it(stage: Stage) -> None:
    subject = stage.begin()
    stage.mute(100)
    turns(subject, FIRES + 4)
    subject = stage.begin()
    assert subject.parts.muting is not None
    assert subject.parts.muting.current is not None
    turns(subject, 2)
    assert stage.alerts() == []
    stage.clock.now += 100
    subject = stage.begin()  # over by the time it starts
    turns(subject, 2)
    assert stage.alerts() == ["firing"]


def test_other_settings_end_the_episode_and_nobody_hears_of_it(stage: Stage) -> None:
    subject = stage.begin()
    stage.mute(100)
    turns(subject, FIRES + 4)
    (first,) = subject.parts.pipeline.history.episodes
    stage.clock.now += 100
    subject = stage.begin(fingerprint="others")
    turns(subject, 4)
    before, after = subject.parts.pipeline.history.episodes
    assert (before.id, before.ending) == (first.id, "detection began anew")
    assert [body["episode"] for body in stage.bodies()] == [after.id]  # the drift goes on


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("count", [1, 2])
def test_a_crash_at_any_step_loses_no_late_alert_and_repeats_it_only_by_its_key(
    place: str, count: int, crash: Crash, stage: Stage
) -> None:
    """count: the crash is with the late alert, or with the first batch after it."""
    stage.source = MemorySource(stage.records[: BEFORE + DRIFT])
    subject = stage.begin(cadence=Cadence(seconds=0, records=10**6))
    stage.mute(100)
    turns(subject, FIRES + 4)
    stage.clock.now += 100
    crash.at(place, count)
    with pytest.raises(Killed, match=place):
        finish(subject, stage.source)
    crash.at("", 0)
    finish(stage.begin(), stage.source)
    told = [event for event in stage.sink.flushed if event.kind == "alert"]
    assert len(set(told)) == 1  # to a byte
    assert len(told) <= 2


@pytest.mark.parametrize("place", PLACES)
def test_a_crash_while_muted_lets_nothing_out(place: str, crash: Crash, stage: Stage) -> None:
    subject = stage.begin()
    stage.mute(100)
    turns(subject, FIRES - 4)
    crash.at(place, 6)
    with pytest.raises(Killed, match=place):
        finish(subject, stage.source)
    crash.at("", 0)
    subject = stage.begin()
    turns(subject, 12)
    assert stage.alerts() == []
    stage.clock.now += 100
    turns(subject, 1)
    assert stage.alerts() == ["firing"]


@pytest.mark.parametrize("muted_first", [True, False], ids=["begins muted", "was told"])
@pytest.mark.parametrize("over_by_then", [True, False])
def test_an_episode_that_ends_with_its_model_is_told_whole_or_not_at_all(
    stage: Stage, muted_first: bool, over_by_then: bool
) -> None:
    stage.source = MemorySource(stage.records[: BEFORE + DRIFT])
    subject = stage.begin()
    if muted_first:
        stage.mute(100)
    turns(subject, FIRES + 4)
    if not muted_first:
        stage.mute(100)
    if over_by_then:
        stage.clock.now += 100
    subject = stage.begin(model=candidate(NEW, 10.0), pipeline=None)
    turns(subject, 2)
    stage.clock.now += 200
    turns(subject, 2)
    mine = [b["event"] for b in stage.bodies() if b["model_version"] == VERSION]
    # Over before the restart: the new model is there at once, and nobody was told of the old one's.
    assert mine == ([] if muted_first else ["firing", "resolved"])
    (episode,) = [e for e in subject.parts.pipeline.history.episodes if e.model_version == VERSION]
    assert episode.ending == "model replaced"
    assert episode.muted == ("a new lamp" if muted_first or not over_by_then else "")
