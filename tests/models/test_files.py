"""Files and folders appear whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from models.files import bounded, read_bounded, replaced_folder, write_new, write_whole


class Killed(BaseException):
    """The process ends here."""


def kill() -> None:
    raise Killed


def fail() -> None:
    raise OSError(28, "No space left on device")


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"old", b"the new content", b"", b"x"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_at_half_time_leaves_the_old_content_and_no_half(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"the new content", half_written=fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_not_there_stays_away_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", b"the new content", half_written=fail)
    assert list(tmp_path.iterdir()) == []


def test_a_crash_at_half_time_leaves_the_old_content_and_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    with pytest.raises(Killed):
        write_whole(path, b"the new content", half_written=kill)
    assert path.read_bytes() == b"old"
    assert (tmp_path / ".file.tmp").read_bytes() == b"the new"
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_forced_to_disk_before_it_has_its_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, steps = tmp_path / "file", []

    def fsync(handle: int) -> None:
        target = Path(f"/proc/self/fd/{handle}").readlink()
        size = target.stat().st_size if target.is_file() else None
        steps.append((target.name, size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, b"content")
    assert steps == [(".file.tmp", 7, False), (tmp_path.name, None, True)]


def test_the_mode_is_set_before_anything_is_written(tmp_path: Path) -> None:
    sizes = []

    def protect(handle: int) -> None:
        sizes.append(os.fstat(handle).st_size)
        os.fchmod(handle, 0o600)

    path = tmp_path / "file"
    write_whole(path, b"secret", prepare=protect)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sizes == [0]


def test_the_mode_is_otherwise_that_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", b"open")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_new_file_takes_no_other_ones_place(tmp_path: Path) -> None:
    write_new(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_file_is_read_up_to_a_limit_and_not_beyond(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bounded(tmp_path / "file", 5) == b"12345"
    assert read_bounded(tmp_path / "file", 4) is None
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "absent", 4)


def test_what_is_left_of_a_stream_is_read_up_to_a_limit() -> None:
    stream = io.BytesIO(b"12345")
    assert stream.read(1) == b"1"
    assert bounded(stream, 4) == b"2345"
    assert bounded(io.BytesIO(b"12345"), 4) is None
    assert bounded(io.BytesIO(b""), 4) == b""


def test_a_folder_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "result"
    for name in ("old", "new"):
        with replaced_folder(folder) as draft:
            assert not (folder / name).exists()
            (draft / name).write_text(name)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert list(folder.parent.iterdir()) == [folder]


def test_an_error_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    with replaced_folder(folder) as draft:
        (draft / "old").write_text("old")
    with pytest.raises(OSError, match="No space left"), replaced_folder(folder) as draft:
        (draft / "new").write_text("new")
        fail()
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rename = tmp_path / "result", Path.rename
    with replaced_folder(folder) as draft:
        (draft / "old").write_text("old")

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "new":
            fail()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="No space left"), replaced_folder(folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]
