"""What a message of the dead-letter topic says: the inverse of `events.dead_letter_event`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from monitor.stream.records import Record

ORIGINAL = "original."
TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
LONGEST_REASON = 64
LONGEST_ERROR = 4096
OVERHEAD_BYTES = 512
"""About what a view costs besides its bytes."""

_NUMBER = re.compile(rb"\d{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """A dead letter, with what its headers tell of the record that could not be scored.

    message: as it stands in the dead-letter topic. next_offset: set if it stands for the offsets
    from `offset` up to there. timestamp: the record's own, in milliseconds since the epoch, None
    if it had none. headers: the record's own. value_bytes: size of its value, None if it has
    none. dropped: the value was too large for the dead-letter topic and is not here.
    """

    message: Record
    topic: str
    partition: int
    offset: int
    next_offset: int | None
    reason: str
    error: str
    timestamp: int | None
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value_bytes: int | None
    dropped: bool

    @property
    def address(self) -> str:
        """Where the record was: topic/partition/offset. In the header aead.address, too."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def time(self) -> int:
        """When it became a dead letter, in milliseconds since the epoch."""
        return self.message.timestamp

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts dead letters by time; different for each message of the topic."""
        return self.message.timestamp, self.message.partition, self.message.offset

    @property
    def held_bytes(self) -> int:
        """About what it costs in memory."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return OVERHEAD_BYTES + headers + len(self.error) + self.message.size

    def without_value(self) -> DeadLetterView:
        """The same, without the bytes of value and headers that `message` holds."""
        return replace(self, message=replace(self.message, value=None, headers=()))


def view_of(message: Record) -> DeadLetterView | None:
    """What a message says; None if it is no dead letter of ours."""
    own = {n: value or b"" for n, value in message.headers if n.startswith("aead.")}
    topic = own.get("aead.topic", b"").decode("utf-8", "replace")
    partition, offset = (_number(own.get(f"aead.{name}")) for name in ("partition", "offset"))
    reason = own.get("aead.reason", b"").decode("utf-8", "replace")
    if partition is None or offset is None or not reason or not TOPIC_NAME.fullmatch(topic):
        return None
    dropped = _number(own.get("aead.value_bytes_dropped"))
    return DeadLetterView(
        message=message,
        topic=topic,
        partition=partition,
        offset=offset,
        next_offset=_number(own.get("aead.next_offset")),
        reason=reason[:LONGEST_REASON],
        error=own.get("aead.error", b"").decode("utf-8", "replace")[:LONGEST_ERROR],
        timestamp=_milliseconds(own.get("aead.timestamp", b"")),
        key=None if "aead.key_absent" in own else own.get("aead.key"),
        headers=_originals(message),
        value_bytes=dropped if message.value is None else len(message.value),
        dropped="aead.value_bytes_dropped" in own,
    )


def _originals(message: Record) -> tuple[tuple[str, bytes | None], ...]:
    return tuple(
        (name.removeprefix(ORIGINAL), value)
        for name, value in message.headers
        if name.startswith(ORIGINAL)
    )


def _number(value: bytes | None) -> int | None:
    return int(value) if value is not None and _NUMBER.fullmatch(value) else None


def _milliseconds(value: bytes) -> int | None:
    """The inverse of `events.isoformat`: a record without a timestamp stands there as the epoch."""
    text = value.decode("utf-8", "replace")
    if text.endswith("ms"):
        return _number(value[:-2])
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1) or None
    except (ValueError, TypeError):
        return None
