"""What of Protobuf's bytes its library does not tell: message indexes, and the fields there are."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final

from monitor.errors import DecodeError

MOST_INDEXES: Final = 32
"""Messages within messages that a payload may name."""
MOST_FIELDS: Final = 2**16
"""Fields of a payload that are looked at one by one."""
_VARINT, _EIGHT, _BYTES, _GROUP, _END, _FOUR = range(6)


def message_indexes(value: bytes) -> tuple[tuple[int, ...], bytes]:
    """Which message of the schema a framed payload holds, and the message.

    value: what follows the schema's id: the number of indexes and each of them as zigzag varints;
    a single 0 stands for the first message. Raises DecodeError, undecodable.
    """
    count, at = _zigzag(value, 0)
    if not 0 <= count <= MOST_INDEXES:
        raise DecodeError("undecodable", f"{count} message indexes, more than {MOST_INDEXES}")
    indexes = []
    for _ in range(count):
        index, at = _zigzag(value, at)
        indexes.append(index)
    return tuple(indexes) or (0,), value[at:]


def framed_indexes(indexes: Sequence[int]) -> bytes:
    """The same as bytes."""
    if tuple(indexes) == (0,):
        return b"\0"
    return b"".join(_varint(2 * number) for number in (len(indexes), *indexes))


def first_extra(value: bytes, path: Sequence[int], known: Container[int]) -> int | None:
    """A field's number that is not known, of the messages that a path of numbers leads to.

    value: a whole message. Raises DecodeError for too many fields to look at.
    """
    return _first_extra(value, path, known, iter(range(MOST_FIELDS)))


def _first_extra(
    value: bytes, path: Sequence[int], known: Container[int], left: Iterator[int]
) -> int | None:
    for number, start, end in _fields(value, left):
        if not path:
            if number not in known:
                return number
        elif number == path[0]:
            found = _first_extra(value[start:end], path[1:], known, left)
            if found is not None:
                return found
    return None


def _fields(value: bytes, left: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """Number of each field, and where its value begins and ends. left: so many may be looked at."""
    at, depth = 0, 0
    while at < len(value):
        if next(left, None) is None:
            raise DecodeError(
                "wrong_shape", f"more than {MOST_FIELDS} fields, with codec.extra: refuse"
            )
        tag, at = _read(value, at)
        kind, start = tag & 7, at
        if kind == _BYTES:
            size, start = _read(value, at)
            at = start + size
        elif kind == _VARINT:
            at = _read(value, at)[1]
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        if not depth and kind != _END:
            yield tag >> 3, start, at
        depth += (kind == _GROUP) - (kind == _END)


def _zigzag(value: bytes, at: int) -> tuple[int, int]:
    number, at = _read(value, at)
    return number >> 1 ^ -(number & 1), at


def _read(value: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for i, byte in enumerate(value[at : at + 10]):
        number |= (byte & 127) << 7 * i
        if byte < 128:
            return number, at + i + 1
    raise DecodeError("undecodable", "a number that does not end")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
