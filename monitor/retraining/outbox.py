"""Retraining requests in a folder, one JSON file each, kept until every receiver has taken them.

The daemon's threads and the command line change them at the same time: each change holds a lock
from reading to writing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from monitor.retraining.deliveries import Delivery, Kept, begun
from monitor.retraining.request_files import LARGEST_BYTES, RequestFiles, encoded

log = structlog.get_logger(__name__)

MOST: Final = 200
"""Requests kept before the oldest finished ones are removed."""
MOST_OPEN: Final = 1000
"""Requests kept at all: beyond, the oldest goes, whatever becomes of it."""
DELIVERY_BYTES: Final = 8192
"""Room for what is noted of one delivery: its texts at their longest, every character escaped."""
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the folder holds, oldest first. damaged: a line for each file that cannot be used."""

    requests: tuple[Kept, ...]
    damaged: tuple[str, ...]


def log_damage(path: Path, why: str) -> None:
    """Say in the log that a file cannot be used."""
    log.error("a retraining request's file is damaged", file=str(path), error=why)


class Outbox:
    """The requests in a folder. Used by several threads and processes at once.

    receivers: name -> whether its deliveries wait for a person when a request only suggests.
    Needed by who puts requests in; who only looks or changes leaves it out. A receiver that is
    configured later gets the requests that come later. on_damage: told once of each file that
    cannot be used, and why.
    """

    def __init__(
        self,
        folder: Path,
        receivers: Mapping[str, bool] | None = None,
        now: Callable[[], float] = time.time,
        on_damage: Callable[[Path, str], None] = log_damage,
    ) -> None:
        self.folder = folder
        self._receivers = dict(receivers or {})
        self._now = now
        self._files = RequestFiles(folder, on_damage)

    def put(self, document: Mapping[str, Any]) -> bool:
        """Keep a request; returns whether it is new. One that is here already stays as it is.

        Raises ValueError for one that is not JSON or larger than 1 MiB, OSError if it cannot be
        written: then nothing is kept.
        """
        kept = begun(document, self._receivers, self._now())
        if not _ID.fullmatch(kept.id):
            raise ValueError("the id of a request is 16 hex digits")
        data = encoded(kept)
        if len(data) + DELIVERY_BYTES * len(kept.deliveries) > LARGEST_BYTES:
            raise ValueError(f"{len(data):,} bytes are too many for a request")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._files.locked():
            if isinstance(self._files.get(kept.id), Kept):
                return False
            self._files.write(kept.id, data)
            self._files.remove_halves()
            self._make_room()
        return True

    def listing(self) -> Listing:
        """All requests. Files that did not change since the last time are not read again."""
        found = self._files.all()
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
        if not _ID.fullmatch(id) or not self.folder.is_dir():
            raise KeyError(id)
        with self._files.locked():
            before = self._files.get(id)
            if before is None:
                raise KeyError(id)
            if isinstance(before, str):
                raise ValueError(before)
            after = before.changed(names, change)
            if after != before:
                self._files.write(id, encoded(after))
        return after

    def _make_room(self) -> None:
        requests = self.listing().requests
        finished = [kept.id for kept in requests if kept.finished]
        surplus = set(finished[: max(0, len(requests) - MOST)])
        for id in surplus:
            self._files.remove(id)
        left = [kept.id for kept in requests if kept.id not in surplus]
        for id in left[: max(0, len(left) - MOST_OPEN)]:
            log.error(
                "too many retraining requests wait: the oldest is given up",
                request=id,
                requests=len(left),
            )
            self._files.remove(id)
