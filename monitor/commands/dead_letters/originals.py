"""A dead letter back to the record that it was, or why that cannot or should not be."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.commands.dead_letters.view import DeadLetterView

REPLAYED_FROM = "aead.replayed_from"
TOMBSTONE = "tombstone"
RANGES = ("unreadable", "expired")
"""Reasons of dead letters that stand for offsets, not for a record."""

NO_BYTES = "stand for offsets that could not be read"
DROPPED = "were too large for the dead-letter topic: read them at their offset"
TOMBSTONES = "are tombstones (--reason tombstone sends them)"
KEYLESS = "have neither key nor value"
REPLAYED = "were replayed before (--again sends them)"
OTHER_TOPIC = "name another topic than kafka.topic"
LOOP = "would go back to the dead-letter topic"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is sent. again: what was replayed before, too. topic: the only one to send to, since
    whoever may write dead letters could name any; None: each letter's own.
    """

    again: bool = False
    tombstones: bool = False
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A record to send. timestamp None: the present."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int | None


def original_of(view: DeadLetterView, wanted: Wanted) -> Original | str:
    """The record as it was, with a header that says which; or why it is left out."""
    why = _left_out(view, wanted)
    if why is not None:
        return why
    return Original(
        topic=view.topic,
        partition=view.partition,
        key=view.key,
        value=view.message.value,
        # One that is replayed again keeps the header of the first time: the last is the latest.
        headers=(*view.headers, (REPLAYED_FROM, view.address.encode())),
        timestamp=view.timestamp,
    )


def _left_out(view: DeadLetterView, wanted: Wanted) -> str | None:
    if view.dropped:
        return DROPPED
    if view.reason in RANGES or view.next_offset is not None:
        return NO_BYTES
    if view.message.value is None and not (wanted.tombstones and view.reason == TOMBSTONE):
        return TOMBSTONES if view.reason == TOMBSTONE else NO_BYTES
    if view.message.value is None and view.key is None:
        return KEYLESS
    if view.topic == view.message.topic:
        return LOOP
    if wanted.topic not in (None, view.topic):
        return OTHER_TOPIC
    if not wanted.again and any(name == REPLAYED_FROM for name, _ in view.headers):
        return REPLAYED
    return None
