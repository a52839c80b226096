"""Edits of MessagePack that know its types and lengths."""

from __future__ import annotations

import struct
from random import Random

import msgpack

from tests.fuzz.edits import Edit, replaced, span

ITEMS = (
    b"\xc0", b"\xc2", b"\xc3", b"\xc1", b"\x00", b"\x7f", b"\xff", b"\xcc\xff",
    b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + b"\0" * 7, b"\xca\x7f\xc0\0\0", b"\xca\x7f\x80\0\0", b"\xcb\x7f\xf8" + b"\0" * 6,
    b"\xcb\xff\xf0" + b"\0" * 6, b"\xcb\x7f\xef" + b"\xff" * 6, b"\xa0", b"\xa11", b"\xa2\xff\xff",
    b"\xd9\x011", b"\xda\0\x011", b"\xdb\0\0\0\x011", b"\xc4\0", b"\xc4\x01x", b"\xc5\0\x01x",
    b"\x80", b"\x81\xa1a\x01", b"\x81\x01\x01", b"\x81\x90\x01", b"\xde\0\0", b"\xdf\0\0\0\0",
    b"\x90", b"\x91\x01", b"\x92\x01\x02", b"\x91\x90", b"\xdc\0\x01\x01", b"\xdd\0\0\0\x01\x01",
    b"\xd4\x05x", b"\xd6\xff\0\0\0\x01", b"\xd7\xff" + b"\xff" * 8, b"\xc7\0\x05", b"\xc7\0\xff",
    b"\xc7\x0c\xff" + b"\xff" * 12, b"\xc9\0\0\0\x01\x05x", b"",
)  # fmt: skip
LENGTHS = (0, 1, 2, 3, 15, 16, 28, 255, 256, 65_535, 65_536, 2**24, 2**31, 2**32 - 1)
FIRST = (b"\xdc", b"\xdd", b"\xde", b"\xdf", b"\xd9", b"\xda", b"\xdb", b"\xc4", b"\xc6", b"\xc9")
DEPTHS = (1, 2, 3, 60, 500, 1100, 3000)


def claim(rng: Random) -> bytes:
    """The beginning of something that may be far longer than the payload."""
    first, length = rng.choice(FIRST), rng.choice(LENGTHS)
    form = {0xC4: "B", 0xD9: "B", 0xDA: "H", 0xDC: "H", 0xDE: "H"}.get(first[0], "I")
    return first + struct.pack(">" + form, length % 2 ** (8 * struct.calcsize(form)))


def array_of(items: list[bytes]) -> bytes:
    """An array of items that are packed already."""
    return b"\xdd" + struct.pack(">I", len(items)) + b"".join(items)


def other_item(rng: Random, value: bytes) -> bytes:
    """Something else in the place of some bytes."""
    return replaced(value, span(rng, value, rng.choice((1, 1, 2, 5, 9))), rng.choice(ITEMS))


def other_claim(rng: Random, value: bytes) -> bytes:
    """Another length, at the beginning or anywhere."""
    where = slice(0, rng.randint(0, 5)) if rng.random() < 0.5 else span(rng, value, 3)
    return replaced(value, where, claim(rng))


def other_number(rng: Random, value: bytes) -> bytes:
    """One number of the rows is something else; all lengths are right."""
    try:
        document = msgpack.unpackb(value)
    except (ValueError, TypeError, msgpack.UnpackException):
        return other_item(rng, value)
    lists = [document]
    while isinstance(lists[-1], (list, dict)) and lists[-1]:
        inner = lists[-1]
        lists.append(rng.choice(inner if isinstance(inner, list) else list(inner.values())))
    holder = lists[-2] if len(lists) > 1 else None
    if not isinstance(holder, list):
        return other_item(rng, value)
    new = rng.choice(
        (None, True, "1", b"1", {}, {"a": 1}, [], [1], float("nan"), float("inf"), -1, 2**63, 1e300,
         msgpack.ExtType(5, b"x"), msgpack.Timestamp(1))
    )  # fmt: skip
    place = rng.randrange(len(holder))
    holder[place : place + rng.choice((0, 1, 1, 1, 2))] = [new] * rng.choice((0, 1, 1, 1, 2))
    packed: bytes = msgpack.packb(document)
    return packed


def other_depth(rng: Random, value: bytes) -> bytes:
    """All of it is deeper."""
    return rng.choice((b"\x91", b"\xdc\0\x01", b"\xdd\0\0\0\x01")) * rng.choice(DEPTHS) + value


def in_map(rng: Random, value: bytes) -> bytes:
    """Inside a map, under a name or a few, in one of the spellings of a name."""
    name = rng.choice((b"payload", b"values", b"", b"payload.values"))
    text = rng.choice((bytes([0xA0 | len(name)]), b"\xd9" + bytes([len(name)]),
                       b"\xda" + struct.pack(">H", len(name)),
                       b"\xdb" + struct.pack(">I", len(name)))) + name  # fmt: skip
    key = rng.choice((text, text, b"\xc4" + bytes([len(name)]) + name, b"\x01", b"\x90"))
    if rng.random() < 0.5:
        return (b"\x81" + key) * rng.choice(DEPTHS[:4]) + value
    return b"\x82" + key + rng.choice(ITEMS) + key + value


def many(rng: Random, value: bytes) -> bytes:
    """An array of the payload again and again: many rows, or rows a level too deep."""
    return array_of([value] * rng.choice((1, 2, 5, 5000 if len(value) < 40 else 10)))


EDITS: tuple[Edit, ...] = (
    other_item, other_claim, other_number, other_number, other_depth, in_map, many,
)  # fmt: skip
