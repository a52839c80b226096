"""Edits of JSON that know its tokens."""

from __future__ import annotations

import re
from random import Random

from tests.fuzz.edits import Edit, replaced, span

TOKENS = (
    b"1e999", b"-1e999", b"1e308", b"1e-999", b"-0", b"01", b"1.", b".5", b"+1", b"0x10",
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"true", b"false", b"null", b"", b" ", b"{}", b"[]",
    b"[[]]", b"[1]", b'"1"', b'"\\ud800"', b'""', b'{"a":1}', b"1,1", b"1,", b"]", b"[", b"}",
    b"/* */1", b"'1'", b"\xff", b"\x00", b"9007199254740993", b"18446744073709551616", b"1" * 300,
    b"1" + b"0" * 400, b"-1" + b"0" * 5000, b"0." + b"3" * 5000, b"1e" + b"9" * 5000,
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_NUMBER = re.compile(rb"-?[\d.]+")
_ITEM = re.compile(rb"[^\[\]{},]+,?")
_LIST = re.compile(rb"\[[^\[\]]*\],?")
_NAME = re.compile(rb'"\w+"')
DEPTHS = (1, 2, 3, 60, 70, 900, 1100, 3000)


def _one(rng: Random, pattern: re.Pattern[bytes], value: bytes) -> slice:
    """Where a token of a kind is: the first after a random place."""
    found = pattern.search(value, rng.randrange(len(value) + 1)) or pattern.search(value)
    return slice(*found.span()) if found else span(rng, value, 0)


def other_token(rng: Random, value: bytes) -> bytes:
    """Something else in the place of a number."""
    return replaced(value, _one(rng, _NUMBER, value), rng.choice(TOKENS))


def other_item(rng: Random, value: bytes) -> bytes:
    """An item is missing, or there twice."""
    where = _one(rng, rng.choice((_ITEM, _LIST)), value)
    return replaced(value, where, value[where] * rng.choice((0, 2, 3)))


def other_depth(rng: Random, value: bytes) -> bytes:
    """All of it, or one list of it, is deeper."""
    depth = rng.choice(DEPTHS)
    where = slice(0, len(value)) if rng.random() < 0.5 else _one(rng, _LIST, value)
    return replaced(value, where, b"[" * depth + value[where] + b"]" * depth)


def in_object(rng: Random, value: bytes) -> bytes:
    """Inside an object, under a name or a few."""
    depth = rng.choice(DEPTHS)
    name = rng.choice((b'{"payload":', b'{"values":', b'{"":'))
    return name * depth + value + b"}" * depth


def other_name(rng: Random, value: bytes) -> bytes:
    """A field is called something else."""
    names = (b'"values"', b'"payload"', b'"payload.values"', b'"\\u0070ayload"', b"1", b"null")
    return replaced(value, _one(rng, _NAME, value), rng.choice(names))


def other_encoding(rng: Random, value: bytes) -> bytes:
    """In another encoding, with or without a byte order mark."""
    return value.decode("latin-1").encode(rng.choice(ENCODINGS))


def many(rng: Random, value: bytes) -> bytes:
    """A list of the payload again and again: many rows, or rows a level too deep."""
    times = rng.choice((1, 2, 5, 5000 if len(value) < 20 else 10))
    return b"[" + b",".join([value] * times) + b"]"


def other_frame(rng: Random, value: bytes) -> bytes:
    """With another schema's id, with two frames, or with none."""
    begin = rng.choice((b"", b"\0\0\0\0\2", b"\0\0\0\0\1" * 2, b"\0\0\0", b"\1\0\0\0\1"))
    return begin + value[5 if value[:1] == b"\0" else 0 :]


EDITS: tuple[Edit, ...] = (
    other_token, other_token, other_item, other_depth, in_object, other_name, other_encoding, many,
)  # fmt: skip
