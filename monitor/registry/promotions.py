"""What is current, what was before it, and the history of both, in a folder.

    aliases.json          current, previous, and the last promotion: what counts
    history.jsonl         all promotions, one a line
    current, previous     links for people; nothing here reads them

Two files cannot be changed in one step. So aliases.json, replaced in one rename, holds the last
promotion whole: the line in history.jsonl and the links are made from it, after a crash by the
next who writes. A reader adds the missing line for itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.files import force, force_folder, write_whole
from monitor.errors import RegistryError
from monitor.process import failpoints
from monitor.registry import (
    CURRENT,
    PREVIOUS,
    UNREADABLE,
    Promotion,
    check_version,
    promotion_json,
    promotion_of,
)
from monitor.registry.files import read_bounded

ALIASES_FILE: Final = "aliases.json"
HISTORY_FILE: Final = "history.jsonl"
SCHEMA_VERSION: Final = 1
LARGEST_BYTES: Final = 2**16
"""Of aliases.json, and of a line of the history."""
HISTORY_BYTES: Final = 2**24
"""Of the history's end, which is all that is read of it."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """Versions behind the aliases. number: counts the promotions. last: the newest one."""

    current: str | None = None
    previous: str | None = None
    number: int = 0
    last: Promotion | None = None


class Promotions:
    """The aliases and their history. Who writes must hold a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = folder / HISTORY_FILE

    def aliases(self) -> Aliases:
        """What counts now. Raises RegistryError if it is damaged."""
        path = self.folder / ALIASES_FILE
        try:
            return _parsed(read_bounded(path, LARGEST_BYTES))
        except FileNotFoundError:
            return Aliases()
        except UNREADABLE as error:
            raise RegistryError(
                f"{path} is damaged ({error}). Restore it from a copy, or remove it and promote"
                " a version."
            ) from None
        except OSError as error:
            raise RegistryError(f"{path}: cannot be read: {error.strerror}") from None

    def record(self, promotion: Promotion, previous: str | None) -> None:
        """The promotion's version is current from now on. Raises OSError or RegistryError."""
        number = max(self.aliases().number, self._last_number()) + 1
        aliases = Aliases(promotion.version, previous, number, promotion)
        write_whole(
            self.folder / ALIASES_FILE,
            _encoded(aliases),
            half_written=lambda: failpoints.reach("aliases_half_written"),
        )
        failpoints.reach("aliases_switched")
        self.mend()

    def mend(self) -> None:
        """Bring history and links to what aliases.json says."""
        aliases = self.aliases()
        self._check_links()
        if aliases.last is not None and self._last_number() < aliases.number:
            self._append(_line(aliases.number, aliases.last))
        self._link(CURRENT, aliases.current)
        self._link(PREVIOUS, aliases.previous)

    def history(self) -> list[Promotion]:
        """All promotions, oldest first. A torn last line is no line; RegistryError for others."""
        aliases = self.aliases()  # first: a promotion made meanwhile is then seen in the file
        found: dict[int, Promotion] = {}
        for line in self._end(HISTORY_BYTES).splitlines(keepends=True):
            if line.endswith(b"\n"):
                number, promotion = self._read_line(line)
                found[number] = promotion
        if aliases.last is not None and aliases.number > max(found, default=0):
            found[aliases.number] = aliases.last
        return [found[number] for number in sorted(found)]

    def _read_line(self, line: bytes) -> tuple[int, Promotion]:
        try:
            document = json.loads(line)
            return int(document["number"]), promotion_of(document)
        except UNREADABLE as error:
            raise RegistryError(
                f"{self._history}: a line is damaged ({error}). Restore it from a copy, or remove"
                " that line."
            ) from None

    def _end(self, size: int) -> bytes:
        """The last bytes of the history, from the beginning of a line."""
        try:
            with self._history.open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - size)
                file.seek(start)
                data = file.read(size)
        except FileNotFoundError:
            return b""
        return data if start == 0 else data[data.find(b"\n") + 1 :]

    def _last_number(self) -> int:
        """The number on the last whole line; 0 without one that can be read."""
        lines = self._end(2 * LARGEST_BYTES).split(b"\n")
        try:
            return int(json.loads(lines[-2])["number"]) if len(lines) > 1 else 0
        except UNREADABLE:
            return 0

    def _append(self, line: bytes) -> None:
        """Add a line, in place of what a crash left of one."""
        with self._history.open("ab") as file:
            torn = len(self._end(2 * LARGEST_BYTES).rpartition(b"\n")[2])
            file.truncate(file.tell() - torn)
            file.write(line[: len(line) // 2])
            file.flush()
            failpoints.reach("history_half_written")
            file.write(line[len(line) // 2 :])
            force(file)
        force_folder(self.folder)
        failpoints.reach("history_written")

    def _check_links(self) -> None:
        for name in (CURRENT, PREVIOUS):
            link = self.folder / name
            if link.exists() and not link.is_symlink():
                raise RegistryError(f"{link} is in the way of a link. Move it elsewhere.")

    def _link(self, name: str, version: str | None) -> None:
        link, target = self.folder / name, f"versions/{version}"
        if version is None:
            link.unlink(missing_ok=True)
        elif not link.is_symlink() or str(link.readlink()) != target:
            temporary = self.folder / f".{name}.tmp"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target, target_is_directory=True)
            temporary.replace(link)
            failpoints.reach("link_moved")


def _line(number: int, promotion: Promotion) -> bytes:
    return json.dumps({"number": number, **promotion_json(promotion)}).encode() + b"\n"


def _encoded(aliases: Aliases) -> bytes:
    document = {
        "schema_version": SCHEMA_VERSION,
        CURRENT: aliases.current,
        PREVIOUS: aliases.previous,
        "number": aliases.number,
        "last": None if aliases.last is None else promotion_json(aliases.last),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _parsed(data: bytes) -> Aliases:
    document: dict[str, Any] = json.loads(data)
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}")
    current, previous, last = document[CURRENT], document[PREVIOUS], document["last"]
    return Aliases(
        current=None if current is None else check_version(current),
        previous=None if previous is None else check_version(previous),
        number=int(document["number"]),
        last=None if last is None else promotion_of(last),
    )
