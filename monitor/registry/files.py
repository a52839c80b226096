"""Files of a registry: copied within bounds, read-only, and changed by one at a time."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from models.files import bounded, force, force_folder
from monitor.errors import RegistryError, RegistryUnavailableError
from monitor.process import file_lock

LOCK_SECONDS: Final = 60.0
_CHUNK: Final = 2**20


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of a file of at most so many bytes. Raises OSError or RegistryError."""
    with _opened(path) as handle, os.fdopen(handle, "rb", closefd=False) as file:
        data = bounded(file, limit)
    if data is None:
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
        force(file)


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
    with ExitStack() as held:
        try:
            held.enter_context(file_lock.locked(path, seconds, 0o644))
        except file_lock.TakenError:
            raise RegistryUnavailableError(
                f"{path.parent} is being written to by another process. Try again later."
            ) from None
        yield
