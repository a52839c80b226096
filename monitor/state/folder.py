"""The daemon's state in a folder: snapshots that survive crashes, written whole or not at all.

    snapshot             the newest that the consumer group has accepted
    snapshot.previous    the one before it, used when the newest is damaged
    snapshot.prepared    written, and not yet known to be accepted
    lock                 held while a daemon uses the folder

Each is written by models/files.py: after a power cut there is the old content or the new one, never
half of it.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.files import force_folder, write_whole
from monitor.errors import UserError
from monitor.process import failpoints, file_lock
from monitor.state.snapshot import Snapshot

ACCEPTED: Final = "snapshot"
PREVIOUS: Final = "snapshot.previous"
PREPARED: Final = "snapshot.prepared"
LOCK: Final = "lock"
NAMES: Final = (ACCEPTED, PREVIOUS, PREPARED)
LARGEST_BYTES: Final = 2**30


@dataclass(frozen=True, slots=True)
class Stored:
    """What the folder holds. damaged: a line for each file that cannot be used."""

    accepted: Snapshot | None
    prepared: Snapshot | None
    damaged: tuple[str, ...]


class StateFolder:
    """The snapshots in a folder; used by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = ExitStack()
        self._mine: tuple[int, int] | None = None

    def open(self) -> None:
        """Make the folder if need be, and lock it. Raises UserError if that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.enter_context(file_lock.locked(self.folder / LOCK, 0, 0o600))
            self._mine = self._is()
            # What a crash left half written, by this version or an older one.
            for half in (*self.folder.glob("*.tmp"), *self.folder.glob(".*.tmp")):
                half.unlink(missing_ok=True)
        except file_lock.TakenError:
            raise UserError(
                f"state.directory: {self.folder} is in use by another process. Give each daemon"
                " a folder of its own (AEAD_MONITOR_STATE__DIRECTORY)."
            ) from None
        except OSError as error:
            raise UserError(
                f"state.directory: cannot use {self.folder}: {error.strerror}."
                " Name a folder that can be written and that survives a restart."
            ) from None

    def _is(self) -> tuple[int, int]:
        found = (self.folder / LOCK).stat()
        return found.st_dev, found.st_ino

    def check(self) -> None:
        """Raise OSError if the folder is not the one that we opened and hold the lock of."""
        try:
            there: tuple[int, int] | None = self._is()
        except FileNotFoundError:
            there = None
        if self._mine is not None and there != self._mine:
            raise OSError(
                f"{self.folder} was removed or replaced while we use it: restart, with the folder"
                " that state.directory is to be"
            )

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.close()

    def load(self) -> Stored:
        """Read all snapshots."""
        found: dict[str, Snapshot] = {}
        damaged = []
        for name in NAMES:
            try:
                found[name] = read(self.folder / name)
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, OSError) as error:
                damaged.append(f"{self.folder / name}: {error}")
        accepted = found.get(ACCEPTED) or found.get(PREVIOUS)
        prepared = found.get(PREPARED)
        if accepted and prepared and prepared.sequence <= accepted.sequence:
            prepared = None
        return Stored(accepted, prepared, tuple(damaged))

    def prepare(self, snapshot: Snapshot) -> None:
        """Write a snapshot that is to be accepted. Raises OSError; what was there stays."""
        self._write(PREPARED, snapshot.encode())

    def accept(self) -> None:
        """The prepared snapshot is the newest from now on."""
        if (self.folder / ACCEPTED).exists():
            (self.folder / ACCEPTED).replace(self.folder / PREVIOUS)
        (self.folder / PREPARED).replace(self.folder / ACCEPTED)
        force_folder(self.folder)

    def reset(self) -> int:
        """Remove all snapshots; returns how many there were."""
        removed = 0
        for name in NAMES:
            if (self.folder / name).exists():
                (self.folder / name).unlink()
                removed += 1
        force_folder(self.folder)
        return removed

    def _write(self, name: str, data: bytes) -> None:
        failpoints.reach("snapshot_write")
        write_whole(
            self.folder / name,
            data,
            half_written=lambda: failpoints.reach("snapshot_half_written"),
        )


def read(path: Path) -> Snapshot:
    """The snapshot in a file. Raises FileNotFoundError, OSError or ValueError."""
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ValueError(f"{size:,} bytes are too many for a snapshot")
    return Snapshot.decode(path.read_bytes())


def newest(folder: Path) -> Snapshot | None:
    """The newest accepted snapshot in a folder that can be read, whoever writes there now."""
    for name in (ACCEPTED, PREVIOUS):
        try:
            return read(folder / name)
        except (FileNotFoundError, ValueError, KeyError, OSError):
            continue
    return None


def new_writer() -> str:
    """An id for a state that begins now."""
    return uuid.uuid4().hex[:12]
