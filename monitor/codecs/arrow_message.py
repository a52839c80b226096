"""Looks into the messages of an Arrow stream for what its reader would believe: compression.

A compressed buffer begins with the size that it claims to have, and the reader makes room for it
first. The header of a message is a FlatBuffers table; only two of its fields are looked at.
"""

from __future__ import annotations

import struct
from typing import Final

CONTINUATION: Final = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_HEADER_TYPE, _HEADER, _BODY_BYTES = 1, 2, 3
"""Fields of a message, by their number in Arrow's Message.fbs."""
_DICTIONARY_DATA, _COMPRESSION = 1, 3
"""Fields of a dictionary's batch and of a record batch."""
MAX_MESSAGES: Final = 4096


def has_compression(stream: bytes) -> bool:
    """Whether any buffer is compressed. Raises ValueError for what is no stream."""
    at = 0
    for _ in range(MAX_MESSAGES):
        if len(stream) - at < 4:
            return False
        (size,) = struct.unpack_from("<I", stream, at)
        at += 4
        if size == CONTINUATION:
            (size,) = _unpacked("<I", stream, at)
            at += 4
        if not size:
            if at < len(stream):
                raise ValueError("bytes after the end of the stream")
            return False
        body, compressed = _message(stream[at : at + size])
        if compressed:
            return True
        at += size + body
    raise ValueError(f"more than {MAX_MESSAGES} messages")


def _message(message: bytes) -> tuple[int, bool]:
    """Bytes of the body, and whether it is a batch of compressed buffers."""
    (root,) = _unpacked("<I", message, 0)
    kind_at, header_at = _field(message, root, _HEADER_TYPE), _field(message, root, _HEADER)
    body_at = _field(message, root, _BODY_BYTES)
    (body,) = _unpacked("<q", message, body_at) if body_at else (0,)
    if body < 0:
        raise ValueError("a body of less than nothing")
    (kind,) = _unpacked("<B", message, kind_at) if kind_at else (0,)
    if kind not in (_DICTIONARY, _BATCH) or not header_at:
        return body, False
    batch = _table(message, header_at)
    if kind == _DICTIONARY:
        data_at = _field(message, batch, _DICTIONARY_DATA)
        if not data_at:
            return body, False
        batch = _table(message, data_at)
    return body, bool(_field(message, batch, _COMPRESSION))


def _table(message: bytes, at: int) -> int:
    """Where the table begins that is pointed to."""
    (offset,) = _unpacked("<I", message, at)
    return at + int(offset)


def _field(message: bytes, table: int, number: int) -> int:
    """Where a field of a table is; 0 if it is not there."""
    (back,) = _unpacked("<i", message, table)
    layout = table - back
    (size,) = _unpacked("<H", message, layout)
    if 4 + 2 * number + 2 > size:
        return 0
    (offset,) = _unpacked("<H", message, layout + 4 + 2 * number)
    return table + int(offset) if offset else 0


def _unpacked(form: str, data: bytes, at: int) -> tuple[int, ...]:
    if at < 0 or at + struct.calcsize(form) > len(data):
        raise ValueError("a message that points outside of itself")
    return struct.unpack_from(form, data, at)
