"""The files of retraining requests: read anew when they change, written whole or not at all.

    ID.json     a request and its deliveries
    .ID.tmp     one that is being written
    lock        held for a moment while a file is read, changed and written

As in `state.py`, a file is written under another name, forced to disk and renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from monitor.process.disk import force_folder
from monitor.retraining.deliveries import Kept, from_json, to_json

LARGEST_BYTES: Final = 2**20
LOCK_SECONDS: Final = 10.0
_FILE: Final = re.compile(r"[0-9a-f]{16}\.json")


class RequestFiles:
    """The files in a folder, which need not be there. Used by several threads at once.

    on_damage: told once of each file that cannot be used, and why.
    """

    def __init__(self, folder: Path, on_damage: Callable[[Path, str], None]) -> None:
        self.folder = folder
        self._on_damage = on_damage
        self._read: dict[str, tuple[tuple[int, ...], Kept | str]] = {}
        self._guard = threading.Lock()

    def all(self) -> dict[str, Kept | str]:
        """Each file's name with its request, or with what is wrong with it."""
        try:
            names = [entry.name for entry in os.scandir(self.folder)]
        except FileNotFoundError:
            return {}
        found = {name: self._look(name) for name in names if _FILE.fullmatch(name)}
        with self._guard:
            for gone in self._read.keys() - set(names):
                self._read.pop(gone, None)
        return {name: content for name, content in found.items() if content is not None}

    def get(self, id: str) -> Kept | str | None:
        """A request, what is wrong with its file, or None if there is none."""
        return self._look(f"{id}.json")

    def write(self, id: str, data: bytes) -> None:
        """Replace a request's file. Raises OSError; what was there stays."""
        temporary, path = self.folder / f".{id}.tmp", self._path(id)
        try:
            with temporary.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                self._hand_over(file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        with self._guard:
            self._read.pop(path.name, None)
        force_folder(self.folder)

    def remove(self, id: str) -> None:
        """Remove a request's file, if it is there."""
        self._path(id).unlink(missing_ok=True)

    def remove_halves(self) -> None:
        """Remove what a crash left half written."""
        for half in self.folder.glob(".*.tmp"):
            half.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all others from changing anything, those in other processes included.

        Raises FileNotFoundError if there is no folder, TimeoutError if the lock stays taken.
        """
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._hand_over(handle)
            _take(handle)
            yield
        finally:
            os.close(handle)

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def _look(self, name: str) -> Kept | str | None:
        path = self.folder / name
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            with self._guard:
                known = self._read.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            content = _content(path)
        except FileNotFoundError:
            return None
        if isinstance(content, str):
            self._on_damage(path, content)
        with self._guard:
            self._read[name] = (stamp, content)
        return content

    def _hand_over(self, handle: int) -> None:
        """What root writes belongs to the folder's owner: the daemon must be able to read it."""
        if os.geteuid() == 0:
            owner = self.folder.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)


def encoded(kept: Kept) -> bytes:
    """The content of its file. Raises ValueError for what JSON cannot hold."""
    return json.dumps(to_json(kept), allow_nan=False, indent=1).encode()


def _content(path: Path) -> Kept | str:
    """What a file holds, or what is wrong with it. Raises FileNotFoundError if it has gone."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise ValueError("larger than 1 MiB")
        kept = from_json(json.loads(data))
        if f"{kept.id}.json" != path.name:
            raise ValueError("it holds another request than its name says")
        return kept
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"[:200]


def _take(handle: int) -> None:
    """Wait for the lock, for a bounded time: its holder may have been stopped."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError("another process holds the lock of the requests") from None
            time.sleep(0.01)
        else:
            return
