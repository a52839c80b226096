"""Files of a registry: copied within bounds, written whole or not at all, forced to disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from monitor.errors import RegistryError, RegistryUnavailableError
from monitor.process import failpoints
from monitor.process.disk import force_folder

LOCK_SECONDS: Final = 60.0
_CHUNK: Final = 2**20
_LOOK_AGAIN_SECONDS: Final = 0.05


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file: after a crash there is the old content or the new. Raises OSError."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        failpoints.reach("aliases_half_written")
        file.write(data[len(data) // 2 :])
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    force_folder(path.parent)


def write_forced(path: Path, data: bytes) -> None:
    """Write a new file and force it to disk. Raises OSError."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of a file of at most so many bytes. Raises OSError or RegistryError."""
    with _opened(path) as handle, os.fdopen(handle, "rb", closefd=False) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise too_large(path, limit)
    return data


def copy_bounded(source: Path, target: Path, limit: int) -> None:
    """Copy a plain file of at most so many bytes, and force it to disk.

    Links, pipes and devices are refused. Raises OSError or RegistryError.
    """
    with _opened(source) as handle, target.open("xb") as file:
        copied = 0
        while chunk := os.read(handle, _CHUNK):
            copied += len(chunk)
            if copied > limit:
                raise too_large(source, limit)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A handle on a plain file: opening follows no link and waits for no pipe."""
    if path.is_symlink():
        raise RegistryError(f"{path} is a link. Put the file itself there.")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise RegistryError(f"{path} is not a plain file. Put the file itself there.")
        yield handle
    finally:
        os.close(handle)


def too_large(path: Path | str, limit: int) -> RegistryError:
    """The error for a file that is larger than its kind may be."""
    return RegistryError(f"{path} is larger than {limit:,} bytes, the most that is taken")


def make_read_only(folder: Path) -> None:
    """Take the right to write from all in a folder, after forcing its names to disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            force_folder(path)
        path.chmod(0o555 if path.is_dir() else 0o444)
    force_folder(folder)
    folder.chmod(0o555)


def remove_tree(folder: Path) -> None:
    """Remove a folder that may be read-only; nothing behind a link is touched."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
    shutil.rmtree(folder)


@contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold a lock among processes and threads; freed when the process dies.

    Raises RegistryUnavailableError if another holds it for so long, or OSError.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        _wait_for(handle, path, time.monotonic() + seconds)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise RegistryUnavailableError(
                    f"{path.parent} is being written to by another process. Try again later."
                ) from None
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return
