"""How serializers of Schema Registry begin a payload: 0x00, and the id of the schema."""

from __future__ import annotations

from typing import Final

from monitor.errors import DecodeError

BYTES: Final = 5


def unframed(value: bytes) -> tuple[int, bytes]:
    """The schema's id, and what follows. Raises DecodeError, undecodable."""
    if len(value) < BYTES or value[0]:
        raise DecodeError(
            "undecodable", "no Schema Registry framing: it begins with 0x00 and four bytes more"
        )
    return int.from_bytes(value[1:BYTES], "big"), value[BYTES:]


def without_frame(value: bytes) -> bytes:
    """The JSON of a payload that begins with a frame; any other payload as it is.

    No JSON text has a zero first, an id of up to 2**24 and then a bracket: in UTF-16 and UTF-32,
    where zeros may come first, the bracket is nearer.
    """
    if value[:2] == b"\0\0" and value[BYTES : BYTES + 1] in (b"{", b"["):
        return value[BYTES:]
    return value


def framed(schema_id: int, value: bytes) -> bytes:
    """The payload as a serializer of Schema Registry writes it."""
    return b"\0" + schema_id.to_bytes(4, "big") + value
