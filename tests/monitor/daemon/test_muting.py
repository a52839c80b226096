"""Muted: drift is judged and remembered, and no alert leaves; what still fires is told after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.daemon.loop import Daemon
from monitor.state.mute_file import MuteFile
from monitor.state.mutes import Once
from monitor.stream.sources.memory import MemorySource
from tests.monitor.daemon.crashes import Run
from tests.monitor.daemon.daemons import committed, turns
from tests.monitor.daemon.muted import BEFORE, DRIFT, ENDS, FIRES, Stage

Metric = Callable[..., float | None]


@pytest.fixture
def stage(start: Run, tmp_path: Path) -> Stage:
    return Stage(start, tmp_path / "state")


@pytest.fixture
def metric() -> Metric:
    def value(subject: Daemon, name: str, **labels: str) -> float | None:
        registry = subject.parts.metrics.registry
        return registry.get_sample_value(f"aead_monitor_{name}", labels or None)

    return value


def test_an_episode_that_begins_muted_and_goes_on_is_told_after(
    stage: Stage, metric: Metric
) -> None:
    subject = stage.begin()
    stage.mute(100)
    turns(subject, FIRES + 4)
    assert subject.parts.pipeline.judge.verdict.state == "firing"
    assert stage.alerts() == []
    assert metric(subject, "muted") == 1
    assert metric(subject, "alerts_withheld_total", event="firing") == 1
    assert metric(subject, "alerts_total", event="firing") == 0
    assert metric(subject, "drift_transitions_total", event="firing") == 1
    stage.clock.now += 100
    turns(subject, 1)
    (body,) = stage.bodies()
    assert (body["event"], body["muted"]) == ("firing", "a new lamp")
    assert metric(subject, "muted") == 0
    assert metric(subject, "alerts_total", event="firing") == 1
    turns(subject, ENDS)
    assert stage.alerts() == ["firing", "resolved"]
    assert "muted" not in stage.bodies()[1]


def test_what_is_told_late_is_what_would_have_been_told(start: Run, tmp_path: Path) -> None:
    told = []
    for name, muted in (("heard", False), ("muted", True)):
        stage = Stage(start, tmp_path / name)
        subject = stage.begin()
        if muted:
            stage.mute(100)
        turns(subject, FIRES + 4)
        stage.clock.now += 200
        turns(subject, ENDS)
        told.append([{k: v for k, v in body.items() if k != "muted"} for body in stage.bodies()])
    assert told[0] == told[1]
    assert len(told[0]) == 2


def test_one_that_begins_and_ends_muted_is_told_to_nobody_and_remembered(
    stage: Stage, metric: Metric
) -> None:
    subject = stage.begin()
    stage.mute(1000)
    turns(subject, ENDS + 12)
    stage.clock.now += 1000
    turns(subject, 2)
    assert stage.alerts() == []
    (episode,) = subject.parts.pipeline.history.episodes
    assert (episode.ending, episode.muted) == ("resolved", "a new lamp")
    changes = subject.parts.pipeline.history.changes
    assert [(c["event"], c.get("muted")) for c in changes if c["event"] != "ready"] == [
        ("pending", None), ("firing", "a new lamp"), ("resolved", "a new lamp"),
    ]  # fmt: skip
    assert metric(subject, "alerts_withheld_total", event="resolved") == 1
    assert stage.requests == []


def test_the_end_of_one_that_was_told_before_leaves_after_the_mute(stage: Stage) -> None:
    subject = stage.begin()
    turns(subject, FIRES + 4)
    assert stage.alerts() == ["firing"]
    stage.mute(1000)
    turns(subject, ENDS)
    assert stage.alerts() == ["firing"]
    stage.unmute()
    turns(subject, 1)
    assert stage.alerts() == ["firing", "resolved"]


def test_no_record_need_come_for_what_is_late(stage: Stage) -> None:
    stage.records[BEFORE + DRIFT :] = []
    stage.source = MemorySource(stage.records)
    subject = stage.begin()
    stage.mute(100)
    turns(subject, 60)
    assert list(committed(stage.source).values()) == [BEFORE + DRIFT]
    assert stage.alerts() == []
    stage.clock.now += 100
    turns(subject, 1)
    assert stage.alerts() == ["firing"]
    turns(stage.begin(), 3)  # a restart: it is in the snapshot that it left
    assert stage.alerts() == ["firing"]


def test_no_model_is_asked_for_while_muted_and_one_is_after(stage: Stage) -> None:
    subject = stage.begin()
    stage.mute(100)
    turns(subject, FIRES + 14)
    assert stage.requests == []
    stage.clock.now += 100
    turns(subject, 2)
    (request,) = set(stage.requests)
    assert subject.parts.pipeline.history.episodes[-1].request == request


def test_the_calendar_of_the_configuration_mutes_too(stage: Stage) -> None:
    stage.mutes = (Once("belts", "belts", 1010.0, 1100.0),)
    subject = stage.begin()
    subject._gauges.refresh(at_once=True)
    assert subject.parts.board.published["muted"] is None
    stage.clock.now = 1010.0
    turns(subject, FIRES + 4)
    assert stage.alerts() == []
    stage.clock.now = 1100.0
    turns(subject, 1)
    assert stage.alerts() == ["firing"]


def test_the_status_says_until_when_and_why(stage: Stage) -> None:
    subject = stage.begin()
    stage.mute(99, "a\x1b[31m lamp\u202e")
    turns(subject, 1)
    subject._gauges.refresh(at_once=True)
    assert subject.parts.board.published["muted"] == {
        "name": "by hand",
        "reason": r"a\x1b[31m lamp\u202e",
        "until": "1970-01-01T00:18:19.000+00:00",
    }


def test_a_damaged_file_mutes_nothing_and_is_told(stage: Stage, metric: Metric) -> None:
    subject = stage.begin()
    stage.mute(1000)
    turns(subject, 2)
    MuteFile(stage.folder).path.write_text("{")
    stage.clock.now += 1
    turns(subject, FIRES + 4)
    assert stage.alerts() == ["firing"]
    assert (metric(subject, "muted"), metric(subject, "mute_file_damaged")) == (0, 1)
    subject._gauges.refresh(at_once=True)
    assert "it is no JSON" in subject.parts.board.published["mute_damage"]
    stage.unmute()
    turns(subject, 1)
    assert metric(subject, "mute_file_damaged") == 0


def test_the_file_is_read_once_a_second_and_no_oftener(stage: Stage) -> None:
    subject = stage.begin()
    muting = subject.parts.muting
    assert muting is not None
    stage.mute(100)
    stage.clock.now -= 0.5
    assert muting.look() is None
    stage.clock.now += 0.5
    assert muting.look() is not None
