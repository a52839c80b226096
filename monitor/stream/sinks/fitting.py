"""Events that are too large for their topic: what of them is published all the same."""

from __future__ import annotations

from dataclasses import replace

from monitor.stream.events import Event

OVERHEAD_BYTES = 1024
"""Room for what Kafka puts around a message."""
ESSENTIAL_BYTES = 256
"""Longest header of a message that had to be cut."""


def size_of(event: Event) -> int:
    """Bytes of key, value and headers."""
    size = len(event.value or b"") + len(event.key or b"")
    return size + sum(len(name) + len(value or b"") for name, value in event.headers)


def fit(event: Event, max_message_bytes: int) -> Event:
    """The event, without its value if that is larger than the topics take."""
    size = size_of(event)
    if size + OVERHEAD_BYTES <= max_message_bytes:
        return event
    small = without_value(event)
    return small if size - len(event.value or b"") < OVERHEAD_BYTES else essential(small)


def without_value(event: Event) -> Event:
    """The event with the size of its value in its place."""
    if event.value is None:
        return event
    size = str(len(event.value)).encode()
    headers = (*event.headers, ("aead.value_bytes_dropped", size))
    return replace(event, key=_key(event, event.key), value=None, headers=headers)


def essential(event: Event) -> Event:
    """The event with our own headers only, each cut short, and no long key: it fits any topic."""
    ours = [(n, value and value[:ESSENTIAL_BYTES]) for n, value in event.headers if _is_ours(n)]
    key = event.key if len(event.key or b"") <= ESSENTIAL_BYTES else None
    return replace(event, key=_key(event, key), headers=tuple(ours))


def _key(event: Event, own: bytes | None) -> bytes:
    """The key of a message that may have no value; kafka-python sends none without either."""
    return own if own is not None else dict(event.headers).get("aead.address") or b""


def _is_ours(name: str) -> bool:
    return name.startswith("aead.")
