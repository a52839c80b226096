"""`aead-monitor state show` and `reset`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.state.folder import ACCEPTED, PREVIOUS
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import record
from tests.monitor.daemon.daemons import assemble, turns


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    return str(path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of a daemon that read 250 records, five of them bad, and was killed."""
    source = MemorySource([record(i, b"bad" if i < 5 else 1.0) for i in range(250)])
    subject = assemble(source, MemorySink(), tmp_path / "state")
    turns(subject, 3)
    subject.parts.web.stop()
    assert subject.parts.state is not None
    subject.parts.state.close()
    return tmp_path / "state"


def test_it_shows_what_was_counted(
    config: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["state", "show", "--config", config]) == 0
    text = capsys.readouterr().out
    assert "245 rows judged" in text
    assert "in/0: 245 scored, 5 dead letters, next offset 250, committed 250" in text


def test_json_names_damaged_files_and_digests(
    config: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / PREVIOUS).write_bytes(b"rubbish")
    assert main(["state", "show", "--json", "--config", config]) == 0
    found = {item["file"]: item for item in json.loads(capsys.readouterr().out)}
    assert found[PREVIOUS]["damaged"]
    assert found[ACCEPTED]["damaged"] is None
    assert len(found[ACCEPTED]["memory_sha256"]) == 64


def test_reset_removes_all_and_a_daemon_begins_anew(
    config: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["state", "reset", "--config", config]) == 0
    assert "2 snapshots removed" in capsys.readouterr().out
    assert main(["state", "show", "--config", config]) == 0
    assert "no snapshots" in capsys.readouterr().out


def test_reset_refuses_while_a_daemon_uses_the_folder(config: str, tmp_path: Path) -> None:
    subject = assemble(MemorySource(), MemorySink(), tmp_path / "state")
    try:
        assert main(["state", "reset", "--config", config]) == 2
    finally:
        subject.parts.web.stop()
