"""The files of retraining requests: read anew when they change, written whole or not at all.

ID.json         a request and its deliveries
.ID.json.tmp    one that is being written
lock            held for a moment while a file is read, changed and written
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from models.files import read_bounded, write_whole
from monitor.process import file_lock
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
        path = self._path(id)
        try:
            write_whole(path, data, prepare=self._protect)
        finally:
            with self._guard:
                self._read.pop(path.name, None)

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
        lock = file_lock.locked(self.folder / "lock", LOCK_SECONDS, 0o600, self._hand_over)
        with ExitStack() as held:
            try:
                held.enter_context(lock)
            except file_lock.TakenError:
                raise TimeoutError("another process holds the lock of the requests") from None
            yield

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

    def _protect(self, handle: int) -> None:
        os.fchmod(handle, 0o600)
        self._hand_over(handle)

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
        data = read_bounded(path, LARGEST_BYTES)
        if data is None:
            raise ValueError("larger than 1 MiB")
        kept = from_json(json.loads(data))
        if f"{kept.id}.json" != path.name:
            raise ValueError("it holds another request than its name says")
        return kept
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"[:200]
