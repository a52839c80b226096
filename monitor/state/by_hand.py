"""Small JSON files that people write through commands while the daemon runs, beside its snapshots.

    by-hand/labels.json  what people say of episodes
    by-hand/mute.json    until when no drift alert leaves
    by-hand/lock         held for a moment while a file is read, changed and written

The daemon never writes them, and commands write nothing else of its state. Each is replaced whole
or not at all, and is small.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from models.files import read_bounded, write_whole
from monitor.process import file_lock

FOLDER: Final = "by-hand"
"""In the state's directory."""
LOCK_SECONDS: Final = 10.0


class ByHandFile:
    """A file in the folder `by-hand` of a state's directory. largest_bytes: that it may have."""

    def __init__(self, state: Path, name: str, largest_bytes: int) -> None:
        self._state = state
        self.path = state / FOLDER / name
        self._largest_bytes = largest_bytes

    def read(self) -> dict[str, Any] | None:
        """The object in it, or None if there is no file.

        Raises ValueError for what is no JSON object of its size, OSError if it cannot be read.
        """
        try:
            data = read_bounded(self.path, self._largest_bytes)
        except FileNotFoundError:
            return None
        if data is None:
            raise ValueError(f"it has more than {self._largest_bytes:,} bytes")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ValueError("it holds no JSON object")
        return found

    def change(self, change: Callable[[], dict[str, Any] | None]) -> None:
        """Write what `change` returns, or remove the file for None; alone among all processes.

        change: called while nobody else may change anything, and may read the file. Raises what it
        raises, ValueError for an object that is too large, TimeoutError if another process keeps
        the lock, OSError if the file cannot be written: then what was there stays.
        """
        self._state.stat()  # a folder that is not there is a wrong configuration: none is made
        self.path.parent.mkdir(exist_ok=True, mode=0o700)
        self._hand_over_folder()
        lock = self.path.parent / "lock"
        with file_lock.locked(lock, LOCK_SECONDS, 0o600, self._hand_over):
            body = change()
            if body is None:
                self.path.unlink(missing_ok=True)
                return
            data = json.dumps(body, allow_nan=False, indent=1).encode()
            if len(data) > self._largest_bytes:
                raise ValueError(f"{len(data):,} bytes are too many for {self.path.name}")
            write_whole(self.path, data, prepare=self._protect)

    def _protect(self, handle: int) -> None:
        os.fchmod(handle, 0o600)
        self._hand_over(handle)

    def _hand_over(self, handle: int) -> None:
        """What root writes belongs to the folder's owner: the daemon must be able to read it."""
        if os.geteuid() == 0:
            owner = self._state.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)

    def _hand_over_folder(self) -> None:
        if os.geteuid() == 0:
            owner = self._state.stat()
            os.chown(self.path.parent, owner.st_uid, owner.st_gid, follow_symlinks=False)
