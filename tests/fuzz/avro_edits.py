"""Edits and bombs of Avro that know its variable-length numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from tests.fuzz.edits import Edit, replaced, span

COUNTS = (0, 1, -1, 3, -3, 28, 784, 2**31 - 1, -(2**31), 2**40, -(2**40), 2**62, -(2**63))
FLOATS = tuple(struct.pack("<d", x) for x in (float("nan"), float("inf"), -float("inf"), 1e300))


def long(value: int) -> bytes:
    """A whole number as Avro writes it: zigzag, seven bits a byte."""
    left, out = (value << 1) ^ (value >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def other_count(rng: Random, value: bytes) -> bytes:
    """Another length, count or branch of a union, somewhere or at the beginning."""
    where = span(rng, value, 1) if rng.random() < 0.5 else slice(0, 2)
    return replaced(value, where, long(rng.choice(COUNTS)))


def other_float(rng: Random, value: bytes) -> bytes:
    """Not a number, infinite or large, where a number may be."""
    start = span(rng, value, 0).start
    return replaced(value, slice(start, start + 8), rng.choice(FLOATS))


def in_blocks(rng: Random, value: bytes) -> bytes:
    """The payload as a block of so many bytes, as often as said."""
    block = long(-rng.randint(1, 3)) + long(len(value)) + value
    return block * rng.choice((1, 2, 50)) + long(0) * rng.randint(0, 2)


def endless(rng: Random, value: bytes) -> bytes:
    """A number that does not end."""
    return replaced(value, span(rng, value, 2), b"\xff" * rng.choice((1, 5, 9, 10, 11, 300)))


EDITS: tuple[Edit, ...] = (other_count, other_count, other_float, in_blocks, endless)
BOMBS: dict[str, Callable[[int], bytes]] = {
    "numbers": lambda size: long(size // 8) + bytes(size - 16) + long(0),
    "a claim of 8 TB": lambda size: long(2**40) + bytes(size - 16),
    "a claim of nearly all that there is": lambda size: long(2**62) + bytes(size - 16),
    "a block that claims other bytes": lambda size: long(-3) + long(2**60) + bytes(size - 32),
    "blocks of one number": lambda size: (long(1) + bytes(8)) * (size // 9 - 1) + long(0),
    "blocks with their size": lambda size: (
        (long(-1) + long(8) + bytes(8)) * (size // 10 - 1) + long(0)
    ),
    "an endless number": lambda size: b"\xff" * size,
}
