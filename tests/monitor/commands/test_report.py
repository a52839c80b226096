"""`aead-monitor report`: an episode as one file that needs nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.web.timeline import Timeline
from tests.monitor.commands.test_episodes import ran
from tests.monitor.web.pages.test_pages import Elements
from tests.monitor.web.test_timeline import verdict


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    return str(path)


def written(config: str, out: Path, episode: str = "latest") -> str:
    assert main(["report", episode, "--config", config, "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def keep_curves(folder: Path) -> None:
    line = Timeline(folder)
    line.lines = {"threshold": 2.0}
    for hour in range(3):
        line.note(time.time() + 3600 * hour, verdict(1.0 + hour), 0, 0)
    line.save(time.time())


def test_it_holds_all_that_is_known_and_needs_nothing_else(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = ran(tmp_path, after=20_000)
    (episode,) = web.get("/api/episodes").json()
    keep_curves(tmp_path / "state")
    text = written(config, tmp_path / "report.html", episode["id"][:6])
    assert f"episode {episode['id']}" in capsys.readouterr().out
    found = Elements(text)
    assert episode["explanation"] in " ".join(found.text.split())
    for words in ("resolved", "kcat -C", "firing", "When and where"):
        assert words in found.text
    assert [tag for tag, _ in found.tags if tag in ("script", "link", "img", "a")] == []
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    assert [tag for tag, _ in found.tags].count("path") == 2  # of two quantiles


def test_an_unknown_episode_names_those_that_are_there(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = ran(tmp_path, after=0)
    (episode,) = web.get("/api/episodes").json()
    capsys.readouterr()
    assert main(["report", "zz", "--config", config, "--out", str(tmp_path / "r.html")]) == 2
    assert episode["id"] in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_without_a_snapshot_it_says_where_it_looked(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "latest", "--config", config, "--out", str(tmp_path / "r.html")]) == 2
    assert "no snapshot that can be read" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path, after=0)
    out = tmp_path / "nowhere" / "r.html"
    assert main(["report", "latest", "--config", config, "--out", str(out)]) == 2
    assert f"cannot write {out}" in capsys.readouterr().err
