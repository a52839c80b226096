"""Retraining requests in a folder, one JSON file each, kept until every receiver has taken them.

    ID.json     a request and its deliveries
    .ID.tmp     one that is being written
    lock        held for a moment while a file is read, changed and written

Files are written whole or not at all, as in `state.py`. The daemon's threads and the command line
change them at the same time: each change holds the lock from reading to writing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from monitor.deliveries import Delivery, Kept, begun, from_json, to_json

log = structlog.get_logger(__name__)

MOST: Final = 200
"""Requests kept before the oldest finished ones are removed."""
MOST_OPEN: Final = 1000
"""Requests kept at all: beyond, the oldest goes, whatever becomes of it."""
LARGEST_BYTES: Final = 2**20
DELIVERY_BYTES: Final = 8192
"""Room for what is noted of one delivery: its texts at their longest, every character escaped."""
LOCK_SECONDS: Final = 10.0
_ID: Final = re.compile(r"[0-9a-f]{16}")
_FILE: Final = re.compile(r"([0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the folder holds, oldest first. damaged: a line for each file that cannot be used."""

    requests: tuple[Kept, ...]
    damaged: tuple[str, ...]


class Outbox:
    """The requests in a folder. Used by several threads and processes at once.

    receivers: name -> whether its deliveries wait for a person when a request only suggests.
    Needed by who puts requests in; who only looks or changes leaves it out. A receiver that is
    configured later gets the requests that come later.
    """

    def __init__(
        self,
        folder: Path,
        receivers: Mapping[str, bool] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._receivers = dict(receivers or {})
        self._now = now
        self._read: dict[str, tuple[tuple[int, ...], Kept | str]] = {}
        self._guard = threading.Lock()

    def put(self, document: Mapping[str, Any]) -> bool:
        """Keep a request; returns whether it is new. One that is here already stays as it is.

        Raises ValueError for one that is not JSON or larger than 1 MiB, OSError if it cannot be
        written: then nothing is kept.
        """
        kept = begun(document, self._receivers, self._now())
        if not _ID.fullmatch(kept.id):
            raise ValueError("the id of a request is 16 hex digits")
        data = _encoded(kept)
        if len(data) + DELIVERY_BYTES * len(kept.deliveries) > LARGEST_BYTES:
            raise ValueError(f"{len(data):,} bytes are too many for a request")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            if isinstance(self._look(self._path(kept.id)), Kept):
                return False
            self._write(kept.id, data)
            self._remove_old()
        return True

    def listing(self) -> Listing:
        """All requests. Files that did not change since the last time are not read again."""
        found = self._all()
        requests = [kept for kept in found.values() if isinstance(kept, Kept)]
        damaged = [f"{name}: {why}" for name, why in found.items() if isinstance(why, str)]
        return Listing(
            tuple(sorted(requests, key=lambda kept: (kept.created, kept.id))),
            tuple(sorted(damaged)),
        )

    def change(
        self, id: str, names: tuple[str, ...], change: Callable[[Delivery], Delivery]
    ) -> Kept:
        """Change the deliveries of a request to these receivers; returns it as it is now.

        Raises KeyError if there is no such request, ValueError if its file is damaged, OSError
        if it cannot be written.
        """
        if not _ID.fullmatch(id):
            raise KeyError(id)
        with self._locked():
            before = self._look(self._path(id))
            if before is None:
                raise KeyError(id)
            if isinstance(before, str):
                raise ValueError(before)
            after = before.changed(names, change)
            if after != before:
                self._write(id, _encoded(after))
        return after

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def _all(self) -> dict[str, Kept | str]:
        """Each file's name with its content, or with what is wrong with it."""
        try:
            names = [entry.name for entry in os.scandir(self.folder)]
        except FileNotFoundError:
            return {}
        found: dict[str, Kept | str] = {}
        for name in filter(_FILE.fullmatch, names):
            content = self._look(self.folder / name)
            if content is not None:
                found[name] = content
        with self._guard:
            for gone in self._read.keys() - set(names):
                self._read.pop(gone, None)
        return found

    def _look(self, path: Path) -> Kept | str | None:
        """What a file holds, what is wrong with it, or None if there is none."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        with self._guard:
            known = self._read.get(path.name)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            content = _content(path)
        except FileNotFoundError:
            return None
        if isinstance(content, str):
            log.error("a retraining request's file is damaged", file=str(path), error=content)
        with self._guard:
            self._read[path.name] = (stamp, content)
        return content

    def _remove_old(self) -> None:
        """Remove what is too much, and what a crash left half written."""
        for half in self.folder.glob(".*.tmp"):
            half.unlink(missing_ok=True)
        requests = list(self.listing().requests)
        finished = [kept for kept in requests if kept.finished]
        surplus = {kept.id for kept in finished[: max(0, len(requests) - MOST)]}
        for id in surplus:
            self._path(id).unlink(missing_ok=True)
        left = [kept for kept in requests if kept.id not in surplus]
        for kept in left[: max(0, len(left) - MOST_OPEN)]:
            log.error(
                "too many retraining requests wait: the oldest is given up",
                request=kept.id,
                requests=len(left),
            )
            self._path(kept.id).unlink(missing_ok=True)

    def _write(self, id: str, data: bytes) -> None:
        temporary = self.folder / f".{id}.tmp"
        try:
            with temporary.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                self._hand_over(file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path(id))
            with self._guard:
                self._read.pop(f"{id}.json", None)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _hand_over(self, handle: int) -> None:
        """What root writes belongs to the folder's owner: the daemon must be able to read it."""
        if os.geteuid() == 0:
            owner = self.folder.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise KeyError(str(self.folder)) from None
        try:
            self._hand_over(handle)
            _take(handle)
            yield
        finally:
            os.close(handle)


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


def _encoded(kept: Kept) -> bytes:
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
