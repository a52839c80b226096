"""Snapshots of all that a daemon remembers, and which of them the consumer group has accepted.

A snapshot is written before the offsets are committed, and counts only once they are: the
commit carries a note that names the snapshot. After a crash between the two, the note tells
whether the newest snapshot took effect or the one before it. So no offset is counted twice, not
even if another member has gone on with the partition since.

A file is one line of JSON (the envelope), then the memory: judge and totals. With one partition
the memory depends on the records alone: two runs over the same ones can be compared byte by byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from monitor.drift.next_offsets import offsets_state, restored_offsets
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition

SCHEMA: Final = "aead-monitor-snapshot-1"
NOTE_PREFIX: Final = "aead1"
NONE: Final = "-"
NOTES_BYTES: Final = 2**18
"""Most bytes of the notes of one commit: the group takes 1 MiB, with all that is around them."""
TAKEOVERS_KEPT: Final = 32
"""Changes of owner that a note remembers: about 25 bytes each, and Kafka takes 4 KiB."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """A change of owner: from this offset on, the state `writer` counts."""

    writer: str
    offset: int


@dataclass(frozen=True, slots=True)
class Note:
    """What is stored beside a committed offset.

    writer: the state that counted up to it. sequence: of its snapshot. takeovers: the changes of
    the partition's owner, the newest last. identity: of the topic (`offsets.identity_of`); empty
    if it is not known. series: where to read again for the windows of the partition's series, as
    `pipeline.series` writes it; empty without series.
    """

    writer: str
    sequence: int
    takeovers: tuple[Takeover, ...] = ()
    identity: str = ""
    series: str = ""

    def __str__(self) -> str:
        return self.text(TAKEOVERS_KEPT)

    def text(self, kept: int) -> str:
        """The note with so many of its takeovers at most, the newest."""
        places = ",".join(f"{t.writer}:{t.offset}" for t in self.takeovers[-kept:] if kept)
        if self.series:
            more = f"{self.identity or NONE} {self.series}"
            return f"{NOTE_PREFIX} {self.writer} {self.sequence} {places or NONE} {more}"
        if self.identity:
            return f"{NOTE_PREFIX} {self.writer} {self.sequence} {places or NONE} {self.identity}"
        return f"{NOTE_PREFIX} {self.writer} {self.sequence} {places}".rstrip()

    def within(self, most_bytes: int) -> str:
        """The note, with as many of its takeovers as fit; without any it is as short as it gets."""
        kept = min(len(self.takeovers), TAKEOVERS_KEPT)
        while kept and len(self.text(kept)) > most_bytes:
            kept -= 1
        if self.series and len(self.text(kept)) > most_bytes:
            return replace(self, series="").within(most_bytes)
        return self.text(kept)

    @classmethod
    def parse(cls, text: str) -> Note | None:
        """The note, or None if somebody else wrote this: a tool that moved the offsets."""
        # confluent-kafka (2.16.1) stores the zero byte that ends its text; kafka-python reads it.
        parts = text.rstrip("\0").split(" ")
        if len(parts) not in (3, 4, 5, 6) or parts[0] != NOTE_PREFIX:
            return None
        try:
            places = parts[3].split(",") if parts[3:] and parts[3] != NONE else []
            takeovers = tuple(_takeover(text) for text in places)
            identity = parts[4] if parts[4:] and parts[4] != NONE else ""
            series = parts[5] if parts[5:] else ""
            return cls(parts[1], int(parts[2]), takeovers, identity, series)
        except ValueError:
            return None

    def taken_from(self, writer: str) -> int | None:
        """The offset at which somebody last took over from a state; None if it is not known."""
        writers = [takeover.writer for takeover in self.takeovers]
        if writer not in writers:
            return self.takeovers[0].offset if self.takeovers else None
        after = len(writers) - writers[::-1].index(writer)
        return self.takeovers[after].offset if after < len(writers) else None


def _takeover(text: str) -> Takeover:
    writer, _, offset = text.partition(":")
    return Takeover(writer, int(offset))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Memory of a daemon after some records.

    writer: id of the state's folder. sequence: counts snapshots. model_version, fingerprint: what
    it may be restored for. commits: the offsets that make it count, once they are committed.
    memory: bytes of judge and totals. identity: of the topic that the offsets are of; empty if it
    is not known.
    """

    writer: str
    sequence: int
    model_version: str
    fingerprint: str
    commits: Mapping[Partition, int] = field(default_factory=dict)
    memory: bytes = b""
    identity: str = ""

    def encode(self) -> bytes:
        """The snapshot as the bytes of a file."""
        envelope: dict[str, Any] = {
            "schema": SCHEMA,
            "writer": self.writer,
            "sequence": self.sequence,
            "model_version": self.model_version,
            "fingerprint": self.fingerprint,
            "commits": offsets_state(self.commits),
            "memory_sha256": hashlib.sha256(self.memory).hexdigest(),
        }
        if self.identity:
            envelope["topic_identity"] = self.identity
        line = json.dumps(envelope, sort_keys=True).encode()
        return hashlib.sha256(line).hexdigest().encode() + b" " + line + b"\n" + self.memory

    @classmethod
    def decode(cls, data: bytes) -> Snapshot:
        """The snapshot that `encode` was called on. Raises ValueError if the bytes are damaged."""
        head, _, memory = data.partition(b"\n")
        digest, _, line = head.partition(b" ")
        if hashlib.sha256(line).hexdigest().encode() != digest:
            raise ValueError("not a snapshot, or damaged: the checksum of its first line is wrong")
        envelope: dict[str, Any] = json.loads(line)
        if envelope.get("schema") != SCHEMA:
            raise ValueError(f"schema {envelope.get('schema')!r:.80}, not {SCHEMA}")
        if hashlib.sha256(memory).hexdigest() != envelope["memory_sha256"]:
            raise ValueError("damaged or cut short: its checksum is wrong")
        return cls(
            writer=str(envelope["writer"]),
            sequence=int(envelope["sequence"]),
            model_version=str(envelope["model_version"]),
            fingerprint=str(envelope["fingerprint"]),
            commits=restored_offsets(envelope["commits"]),
            memory=memory,
            identity=str(envelope.get("topic_identity", "")),
        )


def took_effect(
    newest: Snapshot, before: Snapshot, committed: Mapping[Partition, Committed]
) -> bool:
    """True if the commit that belongs to `newest` was accepted.

    before: the snapshot before it, accepted for certain. committed: what the group has stored.
    One commit covers all partitions or none of them, so that any partition can tell. One that
    both snapshots leave at the same offset tells only by a note of our own; if none tells, the
    snapshot before it is the one to go on from.
    """
    unmoved = []
    for partition, offset in newest.commits.items():
        earlier = before.commits.get(partition)
        stored = committed.get(partition)
        note = Note.parse(stored.note) if stored else None
        if note is None:
            continue
        if offset == earlier:
            unmoved.append(note)
            continue
        if note.writer == newest.writer:
            return note.sequence >= newest.sequence
        taken = note.taken_from(newest.writer)
        if taken is not None:
            return taken >= offset
    return any(n.writer == newest.writer and n.sequence >= newest.sequence for n in unmoved)
