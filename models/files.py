"""Files and folders that appear whole or not at all, and what of them survives a power cut.

A file is written under another name beside its own, forced to disk and renamed, and its folder is
forced to disk: after a crash there is the old content or the new, never half of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_whole(
    path: Path,
    data: bytes,
    *,
    prepare: Callable[[int], None] | None = None,
    half_written: Callable[[], None] | None = None,
) -> None:
    """Replace a file, or make it. Raises OSError: then what was there stays.

    One writer at a time. prepare: called with the handle of the new file while it is empty, to set
    its mode or owner; else it gets the usual mode. half_written: called when half is written, for
    tests that crash there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    half = len(data) // 2
    try:
        with temporary.open("wb") as file:
            if prepare is not None:
                prepare(file.fileno())
            file.write(data[:half])
            file.flush()
            if half_written is not None:
                half_written()
            file.write(data[half:])
            force(file)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    force_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, and force it to disk; not its name. Raises OSError."""
    with path.open("xb") as file:
        file.write(data)
        force(file)


def read_bounded(path: Path, limit: int) -> bytes | None:
    """The content of a file; None if that is more than `limit` bytes. Raises OSError."""
    with path.open("rb") as file:
        return bounded(file, limit)


def bounded(file: BinaryIO, limit: int) -> bytes | None:
    """What is left of an open file; None if that is more than `limit` bytes. Raises OSError."""
    data = file.read(limit + 1)
    return None if len(data) > limit else data


def force(file: BinaryIO) -> None:
    """Have what was written to an open file survive a power cut. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def force_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write to, which takes the place of `folder` if all goes well.

    On any error what was there stays. Not forced to disk. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that the rename stays on one file system and is atomic.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        draft, old = Path(temporary) / "new", Path(temporary) / "old"
        draft.mkdir()
        yield draft
        _put_in_place(draft, folder, old)


def _put_in_place(draft: Path, target: Path, old: Path) -> None:
    """Rename the draft to the target; what was there goes to `old`, and back on failure."""
    if target.exists():
        target.rename(old)
    try:
        draft.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
