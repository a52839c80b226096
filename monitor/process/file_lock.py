"""Locks among processes, on files that stay where they are.

By flock(2), through the filelock library: the kernel frees the lock of a process that dies, and
whoever else asks flock for the same file is kept out too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import filelock

_LOOK_AGAIN_SECONDS: Final = 0.01


class TakenError(TimeoutError):
    """Another thread or process holds the lock, and kept it for as long as we waited."""


@contextmanager
def locked(
    path: Path, seconds: float, mode: int, taken: Callable[[int], None] | None = None
) -> Iterator[None]:
    """Hold the lock on a file, alone among all threads and processes.

    seconds: the longest wait for another holder, which may have been stopped; 0 is one try. mode:
    of the file, if it is made. taken: called with the file's handle once it is ours. Raises
    TakenError if another keeps it, FileNotFoundError if there is no folder, or OSError.
    """
    if not path.parent.is_dir():  # which the library would make
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    lock = filelock.FileLock(
        path,
        timeout=seconds,
        mode=mode,
        thread_local=False,  # may be given back by another thread than the one that took it
        poll_interval=_LOOK_AGAIN_SECONDS,
        fallback_to_soft=False,  # without flock: an error, and no lock that outlives its holder
        on_acquired=taken,
    )
    try:
        lock.acquire()
    except filelock.Timeout:
        raise TakenError(f"another process holds {path}") from None
    try:
        yield
    finally:
        lock.release()
