"""Edits of raw numbers and of .npy files, which are raw numbers after a header."""

from __future__ import annotations

import re
import struct
from random import Random

from tests.fuzz.edits import Edit, replaced
from tests.fuzz.files import npy

SPECIAL = tuple(
    struct.pack(order + form, number)
    for order in "<>"
    for form in "efd"
    for number in (float("nan"), float("inf"), -float("inf"), -0.0, 6e-8)
)
DESCRS = (
    "|u1", "<f4", ">f8", "<f2", "=i8", "|f8", "<c16", "|b1", "|O", "<U4", "|S3", "<M8[s]", "<f16",
    "|V8", "f4", "<i3", "", "<f4,<f4", "\xff", "<f4' , 'a': '",
)  # fmt: skip
SHAPES = (
    "()", "(0,)", "(1,)", "(28, 28)", "(3, 28, 28)", "(0, 28, 28)", "(4, 3, 2)", "(2, 4, 3, 2)",
    "(3,)", "(5000, 1)", "(-1, 28, 28)", "(28L, 28L)", "(1e3,)", "[28, 28]", "(28 28)", "28",
    "(99999999999, 28, 28)", f"({10**30}, 28, 28)", f"({'9' * 3900}, 3)", "(" + "1," * 1500 + ")",
    f"({2**63}, 3)", f"({2**64}, 0)", "(True,)", "(1,),", "((1,))",
)  # fmt: skip
FLAGS = ("True", "False", "1", "None", "'True'", "true")
_LENGTH = re.compile(r"\((\d{1,9}),", re.A)
_VALUE = re.compile(r"'[^']*'(?=,)|\([^)]*\)|True|False")


def special_number(rng: Random, value: bytes) -> bytes:
    """Not a number, infinite, or very small, where a number may begin."""
    new = rng.choice(SPECIAL)
    start = rng.randrange(len(value) // len(new) + 1) * len(new)
    return replaced(value, slice(start, start + len(new)), new)


def other_length(rng: Random, value: bytes) -> bytes:
    """Longer or shorter by what may be some numbers or rows."""
    size = rng.choice((1, 2, 3, 4, 8, 16, 144, 784, 3136))
    return value[:-size] if rng.random() < 0.5 else value + bytes(size)


def many_rows(rng: Random, value: bytes) -> bytes:
    """All of it so often that it may be more rows than allowed."""
    return value * rng.choice((2, 4, 5, 5000 if len(value) < 20 else 8))


RAW_EDITS: tuple[Edit, ...] = (special_number, special_number, other_length, many_rows)


def _parts(value: bytes) -> tuple[int, str, bytes]:
    """Version, header and data of a .npy file; of anything else, whatever is there."""
    version = value[6] if len(value) > 10 else 1
    begin = 10 if version == 1 else 12
    end = begin + int.from_bytes(value[8:begin], "little")
    return version, value[begin:end].decode("latin-1"), value[end:]


def _written(header: str, data: bytes, version: int) -> bytes:
    return npy(header[: 2**16 - 1], data, version if version in (1, 2) else 1)


def other_header(rng: Random, value: bytes) -> bytes:
    """One value of the header is another; the header's length is right."""
    version, header, data = _parts(value)
    new = rng.choice((repr(rng.choice(DESCRS)), rng.choice(SHAPES), rng.choice(FLAGS)))
    places = [match.span() for match in _VALUE.finditer(header)] or [(0, 0)]
    start, end = rng.choice(places)
    return _written(header[:start] + new + header[end:], data, version)


def other_text(rng: Random, value: bytes) -> bytes:
    """Blanks, brackets and the like in the header; its length is right."""
    version, header, data = _parts(value)
    at = rng.randrange(len(header) + 1)
    new = rng.choice((" ", "\n", "(", "{", "'", ",", "\0", "\xb2", "#", "9"))
    return _written(
        header[:at] + new * rng.choice((1, 2, 100, 3900, 5000)) + header[at:], data, version
    )


def other_data(rng: Random, value: bytes) -> bytes:
    """The header is right, the numbers are edited as raw ones are."""
    version, header, data = _parts(value)
    return _written(header, rng.choice(RAW_EDITS)(rng, data), version)


def more_rows(rng: Random, value: bytes) -> bytes:
    """Where there are many rows, more of them: the header says so, and the numbers are there."""
    version, header, data = _parts(value)
    times = rng.choice((2, 3, 2000 if len(data) < 32 else 4))
    longer = _LENGTH.sub(lambda found: f"({int(found[1]) * times},", header, count=1)
    return _written(longer, data * times, version)


def other_version(rng: Random, value: bytes) -> bytes:
    """Another version of the format."""
    return replaced(value, slice(6, 8), bytes([rng.choice((0, 1, 2, 3, 255)), rng.choice((0, 1))]))


NPY_EDITS: tuple[Edit, ...] = (
    other_header, other_header, other_text, other_data, other_version, more_rows,
)  # fmt: skip
