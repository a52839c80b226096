"""Alert, request and status tell one episode alike, and what comes after a repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.stream.columns import Columns
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import ValueScorer, decode, judge, normal_errors, records, reference
from tests.monitor.daemon.crashes import Run, finish
from tests.monitor.retraining.test_history import SUGGEST


def pipeline(**settings: object) -> Pipeline:
    return Pipeline(decode, ValueScorer(reference()), judge(**settings), history=History(SUGGEST))


def words(explanation: str) -> str:
    """What has drifted, without how much by now."""
    return explanation.partition(";")[0]


@pytest.mark.parametrize("seed", range(6))
def test_the_alert_the_request_and_the_end_of_an_episode_say_the_same(seed: int) -> None:
    # First larger, then mixed: the bet that leads changes in the middle of the episode.
    rng = np.random.default_rng(seed)
    mixed = normal_errors(9000, 10 + seed) * np.where(rng.random(9000) < 0.1, 5.0, 1.0)
    errors = np.concatenate(
        [
            normal_errors(4000, seed),
            normal_errors(700, 20 + seed, scale=2.1),
            mixed,
            normal_errors(60_000, 30 + seed),
        ]
    )
    subject = pipeline()
    outcomes = [
        subject.step(Columns.of(records(errors[i : i + 512], start=i)))
        for i in range(0, len(errors), 512)
    ]
    alerts = [c.alert for o in outcomes for c in o.changes if c.alert is not None]
    fired, ended = alerts[0], alerts[1]
    assert [fired.event, ended.event] == ["firing", "resolved"]
    (request, *_) = [request for o in outcomes for request in o.requests]
    assert words(request.reason) == words(fired.verdict.explanation)
    assert request.statistics.direction == fired.verdict.direction
    assert ended.verdict.explanation == f"over: {words(fired.verdict.explanation)}"
    assert words(subject.history.episodes[0].explanation) == words(fired.verdict.explanation)


def test_a_repaired_stream_that_still_fires_is_recovering_and_says_when_it_resolves() -> None:
    subject = pipeline(cooldown_seconds=20.0)
    drifting = np.concatenate([normal_errors(4000, 1), normal_errors(4000, 2, scale=2.0)])
    subject.step(Columns.of(records(drifting)))
    assert subject.judge.verdict.state == "firing"
    assert "recovering" not in subject.judge.verdict.explanation
    said, at = [], len(drifting)
    while subject.judge.verdict.state == "firing":
        subject.step(Columns.of(records(normal_errors(512, at), start=at)))
        at += 512
        said.append(subject.judge.verdict.explanation)
    recovering = [text for text in said[:-1] if "recovering: not found again for" in text]
    assert len(recovering) >= 5
    first = recovering[0]
    left = int(first.split("resolved after ")[1].split(" records")[0].replace(",", ""))
    ahead = 512 * (len(said) - said.index(first))
    assert abs(ahead - max(left, 20_000 - 512 * said.index(first))) <= 3000
    assert "recovering" not in said[-1]
    seconds = [text for text in recovering if "seconds more without it" in text]
    assert seconds


def test_a_drift_that_lasts_is_not_recovering() -> None:
    subject = pipeline()
    subject.step(Columns.of(records(normal_errors(4000, 1))))
    for i in range(60):
        at = 4000 + 512 * i
        subject.step(Columns.of(records(normal_errors(512, at, scale=1.5), start=at)))
        assert "recovering" not in subject.judge.verdict.explanation


def test_after_a_restart_the_page_shows_what_it_showed(start: Run, tmp_path: Path) -> None:
    drifting = np.concatenate([normal_errors(4000, 1), normal_errors(4000, 2, scale=2.0)])
    source, sink = MemorySource(records(drifting)), MemorySink()
    subject = start(source, sink, tmp_path)
    finish(subject, source)
    subject._gauges.refresh(at_once=True)
    before = subject.parts.board.published
    assert before["rows"] == 8000
    assert [change["event"] for change in before["changes"]] == ["pending", "firing"]
    subject = start(source, sink, tmp_path)
    finish(subject, source)
    subject._gauges.refresh(at_once=True)
    after = subject.parts.board.published
    for shown in ("rows", "anomalous_rows", "changes", "episodes"):
        assert after[shown] == before[shown]
    assert after["partitions"][0]["scored"] == after["rows"]
