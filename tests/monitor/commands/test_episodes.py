"""`aead-monitor episodes`, and the same over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from monitor.cli import main
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.state.folder import ACCEPTED
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from monitor.web.app import build_app
from tests.monitor.builders import ValueScorer, decode, judge, reference
from tests.monitor.daemon.daemons import assemble, turns
from tests.monitor.retraining.test_history import drifting, stream


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    return str(path)


def ran(tmp_path: Path, after: int) -> TestClient:
    """A daemon saw a drift, and perhaps its end."""
    deciding = Pipeline(
        decode,
        ValueScorer(reference()),
        judge(),
        history=History(Policy("suggest", min_records=500)),
    )
    records = stream(drifting(after=after))
    subject = assemble(MemorySource(records), MemorySink(), tmp_path / "state", pipeline=deciding)
    turns(subject, len(records) // 100 + 1)
    subject._gauges.refresh(at_once=True)
    subject.parts.web.stop()
    assert subject.parts.state is not None
    subject.parts.state.close()
    board = subject.parts.board
    return TestClient(build_app(subject.parts.metrics.registry, lambda: board.published))


def test_an_episode_that_lasts_is_told_with_its_request(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = ran(tmp_path, after=0)
    capsys.readouterr()
    assert main(["episodes", "--config", config]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "larger  peak 1.9" in lines[0]
    assert lines[1].endswith("it lasts")
    assert "times larger" in lines[2]
    assert lines[3].startswith("  first records of it, about: in/0/4")
    assert lines[4].startswith("  retraining request ")
    (told,) = web.get("/api/episodes").json()
    assert (told["ended_at"], told["ending"]) == (None, None)
    assert lines[4].split()[-1] == told["request"]


def test_an_episode_that_is_over_says_how_long_it_took(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = ran(tmp_path, after=20_000)
    capsys.readouterr()
    assert main(["episodes", "--json", "--config", config]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [episode.pop("label") for episode in found] == [None]
    assert found == web.get("/api/episodes").json()
    assert found[0]["ending"] == "resolved"
    assert 4 < found[0]["seconds"] < 24
    assert main(["episodes", "--config", config]) == 0
    assert "resolved 2023-" in capsys.readouterr().out


def test_no_episode_is_said_so(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = assemble(MemorySource(stream(drifting(300, 0))), MemorySink(), tmp_path / "state")
    turns(subject, 3)
    subject.parts.web.stop()
    capsys.readouterr()
    assert main(["episodes", "--config", config]) == 0
    assert capsys.readouterr().out.startswith("no drift episodes in ")


def test_without_a_snapshot_it_says_where_it_looked(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / ACCEPTED).write_bytes(b"rubbish")
    assert main(["episodes", "--config", config]) == 2
    assert "no snapshot that can be read in" in capsys.readouterr().err
