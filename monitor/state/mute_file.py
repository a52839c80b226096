"""The mute by hand: a small file beside the snapshots, written by `aead-monitor mute`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from monitor.state.by_hand import ByHandFile
from monitor.state.mutes import BY_HAND, LONGEST_REASON, Once, moment

NAME: Final = "mute.json"
SCHEMA_VERSION: Final = 1
LARGEST_BYTES: Final = 8192
"""Room for a reason at its longest, every character escaped."""


class MuteFile:
    """The mute by hand in a state's directory."""

    def __init__(self, state: Path) -> None:
        self._file = ByHandFile(state, NAME, LARGEST_BYTES)

    @property
    def path(self) -> Path:
        """Of the file; it need not be there."""
        return self._file.path

    def read(self) -> Once | None:
        """What was muted by hand last, if it was not taken back; it may be over.

        Raises ValueError for a file that is damaged, OSError if it cannot be read.
        """
        stored = self._file.read()
        return None if stored is None else _once(stored)

    def write(self, mute: Once) -> None:
        """Mute, in place of what was muted by hand before.

        Raises TimeoutError or OSError if it cannot be written: then what was there stays.
        """
        body = {
            "schema_version": SCHEMA_VERSION,
            "reason": mute.reason,
            "from": _iso(mute.begin),
            "until": _iso(mute.until),
        }
        self._file.change(lambda: body)

    def remove(self) -> bool:
        """Take it back, be it damaged or not; returns whether there was a file. Raises OSError."""
        there = self.path.exists()
        self._file.change(lambda: None)
        return there


def checked_reason(reason: object) -> str:
    """A reason for a mute. Raises ValueError for one that is empty, too long or no text."""
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError("reason must not be empty")
    if len(reason) > LONGEST_REASON:
        raise ValueError(f"reason has {len(reason)} characters, {LONGEST_REASON} are the most")
    return reason


def _once(stored: Mapping[str, Any]) -> Once:
    if stored.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}")
    begin, until = stored.get("from"), stored.get("until")
    if not isinstance(begin, str) or not isinstance(until, str):
        raise ValueError("from and until must be times in ISO 8601")
    return Once(BY_HAND, checked_reason(stored.get("reason")), moment(begin), moment(until))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
