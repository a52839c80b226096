"""Damaged files are told and dropped, and what nobody needs is removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.evidence.folder import INDEX, INDEX_BYTES, EvidenceFolder
from monitor.evidence.kept import RESTART, Contents
from monitor.evidence.ring import Ring
from tests.monitor.builders import reference
from tests.monitor.evidence.watched import Watched

LIMIT = reference().threshold


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'{"schema": "evidence-2"}', b'{"schema": "evidence-1"}',
        b"\xff\xfe", b"[" * 100_000, b"x" * (INDEX_BYTES + 1),
    ],
    ids=["empty", "half", "list", "null", "schema", "keys", "bytes", "deep", "large"],
)  # fmt: skip
def test_a_damaged_index_is_told_and_dropped(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / INDEX).write_bytes(data)
    with capture_logs() as logs:
        subject = Watched(tmp_path)
    (told,) = [each for each in logs if each["event"] == "evidence that cannot be read is left out"]
    assert told["file"] == INDEX
    assert not (tmp_path / "evidence" / INDEX).exists()
    subject.feed([2 * LIMIT])
    subject.close()
    assert len(Watched(tmp_path).entries()) == 1


def _edits() -> list[tuple[str, Any]]:
    def rows(body: dict[str, Any]) -> dict[str, Any]:
        return dict(next(iter(body["rows"].values())))

    def put(name: str, value: Any) -> Any:
        return lambda body: body["rows"].update(
            {k: v | {name: value} for k, v in body["rows"].items()}
        )

    return [
        *((f"row {name}", put(name, value)) for name, value in (
            ("topic", 7), ("topic", "x" * 300), ("offset", "1"), ("offset", 2**70), ("row", None),
            ("error", None), ("error", "1"), ("key", "k" * 500), ("features", 5),
            ("features", [[1]]), ("features", [{"name": "x" * 300_000}]), ("model_version", []),
        )),
        ("other id", lambda body: body["rows"].update({"0" * 16: rows(body)})),
        ("path as id", lambda body: body["rows"].update({"../../etc/passwd": rows(body)})),
        ("unknown row", lambda body: body["top"].append("f" * 16)),
        ("no panes", lambda body: body.pop("panes")),
        ("pane", lambda body: body["panes"].append([1, [["x", "y"]]])),
        ("episode", lambda body: body["episodes"].append({"id": 1})),
    ]  # fmt: skip


@pytest.mark.parametrize("edit", [e for _, e in _edits()], ids=[name for name, _ in _edits()])
def test_an_index_with_anything_wrong_in_it_is_dropped(tmp_path: Path, edit: Any) -> None:
    first = Watched(tmp_path, "records")
    first.feed([2 * LIMIT, 1.0])
    first.look()
    first.close()
    path = tmp_path / "evidence" / INDEX
    body = json.loads(path.read_text())
    edit(body)
    path.write_text(json.dumps(body))
    with capture_logs() as logs:
        assert Watched(tmp_path, "records").entries() == []
    assert [each["file"] for each in logs if "file" in each] == [INDEX]


@pytest.mark.parametrize("data", [b"", b"GIF", b"\x89PNG\r\n\x1a\n" + b"x" * 2**20, None])
def test_a_damaged_picture_is_told_and_the_rest_stays(tmp_path: Path, data: bytes | None) -> None:
    first = Watched(tmp_path, "records")
    first.feed([2 * LIMIT, 3 * LIMIT])
    first.look()
    top = first.keeper._ring.rows[first.keeper._ring.top[0]]
    top.show(Contents(place={"share": 1.0}, picture=b"\x89PNG\r\n\x1a\n"))
    first.keeper._changed = True
    first.close()
    (path,) = (tmp_path / "evidence").glob("*.png")
    path.unlink() if data is None else path.write_bytes(data)
    with capture_logs() as logs:
        second = Watched(tmp_path, "records")
    assert [each["file"] for each in logs if "file" in each] == [path.name]
    assert [(e["picture"], e["left_out"]) for e in second.entries()] == [
        (None, RESTART), (None, None),
    ]  # fmt: skip
    assert not path.exists()


def test_half_written_files_and_pictures_of_nobody_are_removed(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed([2 * LIMIT])
    (tmp_path / "evidence").mkdir()
    for name in (".index.json.tmp", "0123456789abcdef.png", "aaaa.png"):
        (tmp_path / "evidence" / name).write_bytes(b"x")
    subject.close()
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == [INDEX]


def test_evidence_can_be_removed(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed([2 * LIMIT])
    subject.close()
    EvidenceFolder(tmp_path).remove()
    assert Watched(tmp_path).entries() == []
    EvidenceFolder(tmp_path / "none").remove()


def test_nothing_there_is_nothing_wrong(tmp_path: Path) -> None:
    told: list[Any] = []
    found = EvidenceFolder(tmp_path).read(lambda *each: told.append(each), contents=True)
    assert isinstance(found, Ring) and not found.rows and not told
