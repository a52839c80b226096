"""Edits that know nothing of the format: bytes changed, cut, moved and repeated."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

Edit = Callable[[Random, bytes], bytes]
WORDS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
MAX_REPEATS = 300


def span(rng: Random, value: bytes, longest: int) -> slice:
    """A slice of the payload, of up to `longest` bytes."""
    start = rng.randrange(len(value) + 1)
    return slice(start, min(len(value), start + rng.randint(0, longest)))


def replaced(value: bytes, where: slice, new: bytes) -> bytes:
    """The payload with a slice replaced."""
    return value[: where.start] + new + value[where.stop :]


def flip(rng: Random, value: bytes) -> bytes:
    """One bit is another."""
    if not value:
        return value
    at = rng.randrange(len(value))
    flipped = bytes([value[at] ^ 1 << rng.randrange(8)])
    return replaced(value, slice(at, at + 1), flipped)


def overwrite(rng: Random, value: bytes) -> bytes:
    """Random bytes in the place of others."""
    where = span(rng, value, 8)
    return replaced(value, where, rng.randbytes(where.stop - where.start))


def insert(rng: Random, value: bytes) -> bytes:
    """Random bytes between others."""
    return replaced(value, span(rng, value, 0), rng.randbytes(rng.randint(1, 16)))


def delete(rng: Random, value: bytes) -> bytes:
    """Some bytes are missing."""
    return replaced(value, span(rng, value, 32), b"")


def truncate(rng: Random, value: bytes) -> bytes:
    """The end is missing."""
    return value[: rng.randint(0, len(value))]


def repeat(rng: Random, value: bytes) -> bytes:
    """Some bytes come again and again."""
    where = span(rng, value, 64)
    return replaced(value, where, value[where] * rng.randint(2, MAX_REPEATS))


def double(rng: Random, value: bytes) -> bytes:
    """The payload twice, or one and a half times."""
    return value + truncate(rng, value) if rng.random() < 0.5 else value * 2


def move(rng: Random, value: bytes) -> bytes:
    """Some bytes are somewhere else."""
    where = span(rng, value, 64)
    rest = replaced(value, where, b"")
    return replaced(rest, span(rng, rest, 0), value[where])


def number(rng: Random, value: bytes) -> bytes:
    """A number at the edge of its range, two or four bytes long, in either byte order."""
    form = rng.choice("<>") + rng.choice("HI")
    packed = struct.pack(form, rng.choice(WORDS) % 2 ** (16 if form[1] == "H" else 32))
    start = span(rng, value, 0).start
    return replaced(value, slice(start, start + len(packed)), packed)


EDITS: tuple[Edit, ...] = (
    flip, overwrite, insert, delete, truncate, repeat, double, move, number,
)  # fmt: skip
