"""The evidence on disk: an index, and a small picture for each row that has one.

    evidence/index.json     everything but pictures
    evidence/ID.png         what is seen of the row ID

Each file is written whole or not at all. Pictures come before the index that names them, and those
that it no longer names are removed after it: together they never take more than MOST_BYTES. What
cannot be read, is too large or of another schema is told and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.files import read_bounded, write_whole
from monitor.evidence.episode import CHANNELS, NAME_LENGTH, EpisodeRows, Slot
from monitor.evidence.kept import (
    PICTURE_BYTES,
    TOPIC_LENGTH,
    Kept,
    number_of,
    record_json,
    record_of,
    text_of,
    whole_of,
)
from monitor.evidence.ring import EPISODES, NORMAL, PANES, TOP, TYPICAL, Ring
from monitor.stream.records import Partition

FOLDER: Final = "evidence"
INDEX: Final = "index.json"
SCHEMA: Final = "evidence-1"
INDEX_BYTES: Final = 7 << 20
MOST_BYTES: Final = 16 << 20
PNG: Final = b"\x89PNG\r\n\x1a\n"
_NAME: Final = re.compile(r"[0-9a-f]{16}")

Damage = Callable[[Path, str], None]
"""Told of each file that is of no use, and why."""


@dataclass(frozen=True, slots=True)
class Image:
    """All that is to be on disk. index: JSON values. pictures: PNG by the row's id."""

    index: Mapping[str, Any]
    pictures: Mapping[str, bytes]


def image_of(ring: Ring) -> Image:
    """What is kept, as it is to be written; it does not change with the ring."""
    first = [[[p.topic, p.number, offset] for p, offset in e.first.items()] for e in ring.episodes]
    body = {
        "schema": SCHEMA,
        "model_version": ring.model_version,
        "newest": ring.newest,
        "rows": {id: record_json(kept) for id, kept in ring.rows.items()},
        "top": ring.top,
        "held": ring.held,
        "panes": [[begun, [list(pair) for pair in pane]] for begun, pane in ring.panes.items()],
        "episodes": [
            {
                "id": episode.id,
                "model_version": episode.model_version,
                "partition": None if episode.partition is None else list(episode.partition),
                "first": first[i],
                "open": episode.open,
                "slots": [
                    [name, slot.before, [list(pair) for pair in slot.after], slot.middle]
                    for name, slot in episode.slots.items()
                ],
            }
            for i, episode in enumerate(ring.episodes)
        ],
    }
    pictures = {
        id: kept.contents.picture
        for id, kept in ring.rows.items()
        if kept.contents is not None and kept.contents.picture is not None
    }
    return Image(body, pictures)


class EvidenceFolder:
    """The sub-folder of a state folder. One writer at a time."""

    def __init__(self, state: Path) -> None:
        self.path = state / FOLDER
        self._written: set[str] = set()

    def write(self, image: Image) -> None:
        """Have this on disk, and nothing else. Raises OSError, or ValueError if it is too large."""
        index = json.dumps(image.index, allow_nan=False).encode()
        if len(index) > INDEX_BYTES:
            raise ValueError(f"{len(index):,} bytes are too many for an index")
        self.path.mkdir(mode=0o700, exist_ok=True)
        for id, picture in image.pictures.items():
            if id not in self._written:
                write_whole(self.path / f"{id}.png", picture)
                self._written.add(id)
        write_whole(self.path / INDEX, index)
        self._written &= image.pictures.keys()
        self._clear(image.pictures.keys())

    def remove(self) -> None:
        """Remove all of it. Raises OSError."""
        if self.path.is_dir():
            (self.path / INDEX).unlink(missing_ok=True)
            self._clear(())
        self._written = set()

    def _clear(self, wanted: Any) -> None:
        """Remove pictures that are not wanted, and what a crash left half written."""
        for path in (*self.path.glob("*.png"), *self.path.glob(".*.tmp")):
            if path.stem not in wanted:
                path.unlink(missing_ok=True)

    def read(self, damaged: Damage, *, contents: bool) -> Ring:
        """What was written; an empty ring if nothing was, or it is of no use.

        contents: whether what rows hold may be kept on.
        """
        path = self.path / INDEX
        try:
            data = read_bounded(path, INDEX_BYTES)
            if data is None:
                raise ValueError(f"more than {INDEX_BYTES:,} bytes")
            ring = Ring(contents=contents)
            self._fill(ring, json.loads(data), damaged)
            return ring
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            damaged(path, _reason(error))
        return Ring(contents=contents)

    def _fill(self, ring: Ring, body: Mapping[str, Any], damaged: Damage) -> None:
        if body["schema"] != SCHEMA:
            raise ValueError("written by another version")
        for id, record in list(body["rows"].items())[: 4 * EPISODES * (CHANNELS + 1) * TYPICAL]:
            picture = self._picture(id, damaged) if ring.contents and record["picture"] else None
            kept = record_of(record, picture, contents=ring.contents)
            if id != kept.seen.id:
                raise ValueError("a row's id is not its own")
            ring.rows[id] = kept
        known = ring.rows
        ring.model_version = text_of(body["model_version"], 128)
        ring.newest = whole_of(body["newest"])
        ring.top = [_known(id, known) for id in body["top"]][:TOP]
        ring.held = [_known(id, known) for id in body["held"]][: NORMAL * PANES]
        for begun, pane in body["panes"][-PANES:]:
            pairs = [(number_of(tag), _known(id, known)) for tag, id in pane]
            ring.panes[whole_of(begun)] = sorted(pairs)[:NORMAL]
        ring.episodes = [_episode(each, known) for each in body["episodes"]][-EPISODES:]
        ring.sweep()

    def _picture(self, id: str, damaged: Damage) -> bytes | None:
        if not _NAME.fullmatch(id):
            raise ValueError("a row's id is not one")
        path = self.path / f"{id}.png"
        try:
            data = read_bounded(path, PICTURE_BYTES)
        except OSError as error:
            damaged(path, _reason(error))
            return None
        if data is None or not data.startswith(PNG):
            damaged(path, "not a small PNG")
            return None
        self._written.add(id)
        return data


def _known(id: Any, known: Mapping[str, Kept]) -> str:
    if id not in known:
        raise ValueError("a row is missing")
    return str(id)


def _episode(body: Mapping[str, Any], known: Mapping[str, Kept]) -> EpisodeRows:
    partition = body["partition"]
    slots = {
        text_of(name, NAME_LENGTH): Slot(
            [_known(id, known) for id in before][:TYPICAL],
            [(number_of(number), _known(id, known)) for number, id in after][:TYPICAL],
            number_of(middle),
        )
        for name, before, after, middle in body["slots"][: CHANNELS + 1]
    }
    return EpisodeRows(
        text_of(body["id"], 64),
        text_of(body["model_version"], 128),
        None if partition is None else _partition(*partition),
        {_partition(topic, number): whole_of(at) for topic, number, at in body["first"]},
        slots,
        open=bool(body["open"]),
    )


def _partition(topic: Any, number: Any) -> Partition:
    return Partition(text_of(topic, TOPIC_LENGTH), whole_of(number))


def _reason(error: Exception) -> str:
    """Without anything of what a file holds."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON"
    return str(error) if type(error) is ValueError else f"not as it was written ({error!r:.80})"
