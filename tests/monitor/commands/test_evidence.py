"""`aead-monitor evidence export`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.evidence.kept import Contents
from monitor.stream.records import Record
from tests.monitor.builders import reference
from tests.monitor.evidence.watched import Watched

LIMIT = reference().threshold
PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def config(tmp_path: Path) -> str:
    return configured(tmp_path, "records")


def configured(folder: Path, mode: str) -> str:
    path = folder / "aead-monitor.yaml"
    path.write_text(
        f"model: ./model\nkafka: {{topic: in}}\ncodec: {{name: json}}\nevidence: {mode}\n"
    )
    return str(path)


def ran(folder: Path, keys: tuple[bytes, ...] = (b"=1+1", b"a,b\n\x1b[31m")) -> Watched:
    """A daemon that still runs, and has written once."""
    (folder / "state").mkdir(exist_ok=True)
    subject = Watched(folder / "state", "records")
    value = b"%r" % (2 * LIMIT)
    subject.send([Record("in", 0, i, i, key, value) for i, key in enumerate(keys)])
    subject.look()
    (first, *_) = subject.keeper._ring.top
    kept = subject.keeper._ring.rows[first]
    kept.show(Contents(place={"share": 1.0}, picture=PNG))
    subject.keeper._changed = True
    subject.close()
    return subject


def test_it_writes_json_csv_and_pictures(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    subject, out = ran(tmp_path), tmp_path / "out" / "evidence"
    before = sorted((p.name, p.read_bytes()) for p in (tmp_path / "state" / "evidence").iterdir())
    assert main(["evidence", "export", "--config", config, "--out", str(out)]) == 0
    assert "2 records and 1 pictures written" in capsys.readouterr().out
    body = json.loads((out / "evidence.json").read_text())
    assert body["mode"] == "records"
    told = [{**entry, "picture": None} for entry in subject.entries()]
    assert [{**entry, "picture": None} for entry in body["entries"]] == told
    assert (out / body["entries"][0]["picture"]).read_bytes() == PNG
    rows = list(csv.DictReader(io.StringIO((out / "evidence.csv").read_text())))
    assert [row["key"] for row in rows] == ["'=1+1", "a,b\\n\\x1b[31m"]
    assert json.loads(rows[1]["features"])[0]["value"] == 2 * LIMIT
    after = sorted((p.name, p.read_bytes()) for p in (tmp_path / "state" / "evidence").iterdir())
    assert after == before


def test_a_folder_that_holds_something_is_refused(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    assert main(["evidence", "export", "--config", config, "--out", str(out)]) == 0
    assert main(["evidence", "export", "--config", config, "--out", str(out)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["evidence", "export", "--config", config, "--out", config]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_damaged_files_are_told_and_stay(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path)
    (picture,) = (tmp_path / "state" / "evidence").glob("*.png")
    picture.write_bytes(b"GIF")
    out = tmp_path / "out"
    assert main(["evidence", "export", "--config", config, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "left out: " in said and "not a small PNG" in said and "0 pictures" in said
    assert picture.exists()


def test_without_evidence_it_says_where_it_looked(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["evidence", "export", "--config", config, "--out", out]) == 2
    assert str(tmp_path / "state" / "evidence") in capsys.readouterr().err
    off = configured(tmp_path, "off")
    assert main(["evidence", "export", "--config", off, "--out", out]) == 2
    assert "evidence is off" in capsys.readouterr().err


def test_scores_export_no_contents(tmp_path: Path) -> None:
    ran(tmp_path)
    scores = configured(tmp_path, "scores")
    out = tmp_path / "out"
    assert main(["evidence", "export", "--config", scores, "--out", str(out)]) == 0
    body = json.loads((out / "evidence.json").read_text())
    assert len(body["entries"]) == 2
    assert all(e["features"] is e["key"] is e["picture"] is None for e in body["entries"])
