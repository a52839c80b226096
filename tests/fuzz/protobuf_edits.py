"""Edits and bombs of Protobuf that know its tags and lengths."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.fuzz.avro_edits import FLOATS
from tests.fuzz.edits import Edit, replaced, span

LENGTHS = (0, 1, 2, 8, 127, 128, 784 * 8, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
NUMBERS = (0, 1, 2, 3, 4, 6, 11, 14, 15, 100, 19_000, 2**29 - 1)


def varint(value: int) -> bytes:
    """Seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tag(number: int, kind: int) -> bytes:
    """What a field begins with. kind: 0 varint, 1 eight bytes, 2 bytes, 3 group, 4 its end, 5."""
    return varint(number << 3 | kind)


def filled(number: int, value: bytes) -> bytes:
    """A field of bytes, text, a message or packed numbers."""
    return tag(number, 2) + varint(len(value)) + value


def other_length(rng: Random, value: bytes) -> bytes:
    """Another length or number, somewhere or at the beginning."""
    where = span(rng, value, 2) if rng.random() < 0.5 else slice(1, 2)
    return replaced(value, where, varint(rng.choice(LENGTHS)))


def other_tag(rng: Random, value: bytes) -> bytes:
    """Another field, or another form of it."""
    where = span(rng, value, 1) if rng.random() < 0.5 else slice(0, 1)
    return replaced(value, where, tag(rng.choice(NUMBERS), rng.randrange(8)))


def other_float(rng: Random, value: bytes) -> bytes:
    """Not a number, infinite or large, where a number may be."""
    start = 1 if rng.random() < 0.5 else span(rng, value, 0).start
    return replaced(value, slice(start, start + 8), rng.choice(FLOATS))


def one_more(rng: Random, value: bytes) -> bytes:
    """A field more, before or after."""
    number, kind = rng.choice(NUMBERS), rng.randrange(6)
    more = filled(number, rng.randbytes(rng.randrange(20)))
    if kind != 2:
        more = tag(number, kind) + rng.randbytes(rng.choice((1, 4, 8)))
    return value + more if rng.random() < 0.5 else more + value


def within(rng: Random, value: bytes) -> bytes:
    """Inside a field, a few times or many."""
    for _ in range(rng.choice((1, 2, 5, 90))):
        value = filled(rng.choice((1, 3, 10)), value)
    return value


def in_group(rng: Random, value: bytes) -> bytes:
    """Inside groups, some of which do not end."""
    depth, number = rng.choice((1, 3, 99, 150)), rng.choice(NUMBERS[1:])
    return tag(number, 3) * depth + value + tag(number, 4) * (depth - rng.randrange(2))


def frame(rng: Random, value: bytes) -> bytes:
    """Another id, or other message indexes, before the message."""
    indexes = (b"\0", b"\2\2", b"\2\0", b"\4\2\0", b"\1", b"\xff" * 11, varint(2**40), b"")
    begin = b"\0\0\0\0" + rng.choice((b"\1", b"\2"))
    return begin + rng.choice(indexes) + (value[6:] if rng.random() < 0.5 else value)


EDITS: tuple[Edit, ...] = (
    other_length, other_tag, other_float, other_float, one_more, within, in_group, frame,
)  # fmt: skip


def _full(unit: bytes, before: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: before + unit * max(1, (size - len(before)) // len(unit))


def _nested(size: int) -> bytes:
    """Messages in messages, as many as fit."""
    headers, left = [], size - 8
    while left > 8:
        header = tag(1, 2) + varint(left - 5)
        headers.append(header)
        left -= len(header) + 1
    return b"".join(headers)[:size]


BOMBS: dict[str, Callable[[int], bytes]] = {
    "packed numbers": lambda size: filled(1, bytes((size - 8) // 8 * 8)),
    "numbers one by one": _full(tag(1, 1) + bytes(8)),
    "empty lists": _full(filled(1, b"")),
    "a claim of 2 GB": lambda size: tag(1, 2) + varint(2**31 - 1) + bytes(size - 8),
    "claims in each other": _nested,
    "fields that are not known": _full(tag(9, 0) + b"\0"),
    "messages that are not known": _full(filled(9, b"")),
    "texts that are not known": _full(filled(9, b"ab")),
    "groups": _full(tag(9, 3) + tag(9, 4)),
    "groups in groups": _full(tag(9, 3)),
    "a number that does not end": lambda size: b"\xff" * size,
    "empty motors": _full(filled(3, b"")),
    "empty points": _full(filled(11, b"")),
    "empty entries": _full(filled(6, b"")),
    "one motor or another": _full(filled(14, b"") + tag(13, 0) + b"\1"),
    "texts that are known": _full(filled(1, b"")),
}
