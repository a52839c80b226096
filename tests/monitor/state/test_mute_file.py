"""The mute by hand: whole or not at all, small, and no daemon is hurt by a damaged one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.state.folder import StateFolder
from monitor.state.mute_file import LARGEST_BYTES, MuteFile, checked_reason
from monitor.state.mutes import BY_HAND, LONGEST_REASON, Once

MUTE = Once(BY_HAND, "a new lamp", 1_700_000_000.0, 1_700_007_200.0)
GOOD = {
    "schema_version": 1,
    "reason": "a new lamp",
    "from": "2023-11-14T22:13:20+00:00",
    "until": "2023-11-15T00:13:20+00:00",
}


def test_what_is_written_is_read_until_it_is_removed(tmp_path: Path) -> None:
    file = MuteFile(tmp_path)
    assert file.read() is None
    file.write(MUTE)
    assert file.read() == MUTE
    assert json.loads(file.path.read_text()) == GOOD
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.remove()
    assert file.read() is None
    assert not file.remove()


def test_the_longest_reason_fits(tmp_path: Path) -> None:
    file = MuteFile(tmp_path)
    file.write(Once(BY_HAND, "\U0001f600" * LONGEST_REASON, 0.0, 60.0))
    found = file.read()
    assert found is not None
    assert len(found.reason) == LONGEST_REASON


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 2}, {"reason": ""}, {"reason": 5}, {"reason": "r" * 301}, {"from": 0},
        {"until": None}, {"until": "2023-11-15T00:13:20"}, {"until": "2023-11-14T22:13:20+00:00"},
        {"until": "2033-11-14T22:13:20+00:00"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_mute_is_refused(changes: dict[str, object], tmp_path: Path) -> None:
    file = MuteFile(tmp_path)
    file.path.parent.mkdir()
    file.path.write_text(json.dumps(GOOD))
    assert file.read() == MUTE
    file.path.write_text(json.dumps(GOOD | changes))
    with pytest.raises(ValueError, match=r"schema_version|reason|from|zone|ends before|31 days"):
        file.read()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b" " * (LARGEST_BYTES + 1)])
def test_what_is_no_file_of_a_mute_is_refused_and_can_be_removed(
    content: bytes, tmp_path: Path
) -> None:
    file = MuteFile(tmp_path)
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    with pytest.raises(ValueError, match="it "):
        file.read()
    assert file.remove()


def test_it_outlives_a_daemon_that_opens_its_folder_and_a_reset(tmp_path: Path) -> None:
    MuteFile(tmp_path).write(MUTE)
    folder = StateFolder(tmp_path)
    folder.open()
    folder.reset()
    folder.close()
    assert MuteFile(tmp_path).read() == MUTE


def test_no_folder_is_made_for_a_state_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MuteFile(tmp_path / "wrong").write(MUTE)
    assert not (tmp_path / "wrong").exists()


def test_a_reason_is_text_of_bounded_length() -> None:
    assert checked_reason("lamp") == "lamp"
    for wrong in ("", "  ", "r" * (LONGEST_REASON + 1), None):
        with pytest.raises(ValueError, match="reason"):
            checked_reason(wrong)
