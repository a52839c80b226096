"""Edits and bombs of WebP and BMP files that know their chunks and headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from random import Random

import numpy as np

from tests.fuzz import edits
from tests.fuzz.edits import Edit, replaced
from tests.fuzz.files import saved

NAMES = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"XMP ", b"ICCP", b"teSt")
DATA = (
    b"", b"\0", bytes(10), b"\x10\0\0\0\x1b\0\0\x1b\0\0", b"\x02\0\0\0\x1b\0\0\x1b\0\0",
    b"\x02\0\0\0\xff\xff\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0",
    bytes(900),
)  # fmt: skip
NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    8,
    12,
    16,
    24,
    28,
    32,
    40,
    54,
    64,
    108,
    124,
    255,
    1078,
    2**16,
    2**31,
    2**32 - 1,
)


def chunks(webp: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each chunk, as far as they can be told."""
    found, at = [], 12
    while at + 8 <= len(webp):
        name, length = struct.unpack_from("<4sI", webp, at)
        found.append((name, webp[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def webp_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    """A file with the right lengths."""
    body = b"".join(
        struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in parts
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def other_webp_chunks(rng: Random, value: bytes) -> bytes:
    """A chunk is missing, there twice, elsewhere, or a new one."""
    parts, new = chunks(value), (rng.choice(NAMES), rng.choice(DATA))
    at = rng.randint(0, len(parts))
    kind = rng.randrange(4)
    if kind == 0:
        return webp_of(parts[:at] + parts[at + 1 :])
    if kind == 1:
        return webp_of(parts[:at] + parts[:1] * rng.choice((1, 2, 70)) + parts[at:])
    if kind == 2:
        return webp_of([*parts[at:], *parts[:at]])
    return webp_of([*parts[:at], new, *parts[at:]])


def other_webp_chunk(rng: Random, value: bytes) -> bytes:
    """The data of one chunk edited, with the right length."""
    parts = chunks(value) or [(b"VP8 ", b"")]
    at = rng.randrange(len(parts))
    name, data = parts[at]
    parts[at] = (name, rng.choice(edits.EDITS)(rng, data))
    return webp_of(parts)


def other_header(rng: Random, value: bytes) -> bytes:
    """Another number in the header of a BMP, or in the first bytes of a WebP's data."""
    at = rng.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46, 50))
    form = rng.choice(("<I", "<H"))
    number = rng.choice(NUMBERS) & (0xFFFFFFFF if form == "<I" else 0xFFFF)
    return replaced(value, slice(at, at + struct.calcsize(form)), struct.pack(form, number))


WEBP_EDITS: tuple[Edit, ...] = (other_webp_chunks, other_webp_chunk, other_header)
BMP_EDITS: tuple[Edit, ...] = (other_header,)


@cache
def _picture(form: str) -> bytes:
    return saved(np.zeros((28, 28), np.uint8), form)


def _canvas(size: int) -> bytes:
    """An extended header that claims 2**14 by 2**14 pixels around a small picture."""
    extended = b"\0" * 4 + b"\xff\x3f\0" * 2
    return webp_of([(b"VP8X", extended), *chunks(_picture("WEBP"))])


def _frames(size: int) -> bytes:
    extended = b"\x02" + b"\0" * 3 + b"\x1b\0\0" * 2
    frame = (b"ANMF", bytes(6) + b"\x1b\0\0" * 2 + bytes(4) + b"VP8L" + bytes(12))
    one = len(webp_of([frame])) - 12
    return webp_of([(b"VP8X", extended), (b"ANIM", bytes(6)), *[frame] * max(1, size // one - 2)])


def _webp_chunks(size: int) -> bytes:
    return webp_of([*chunks(_picture("WEBP")), *[(b"teSt", b"")] * max(1, (size - 2000) // 8)])


def _profile(size: int) -> bytes:
    extended = b"\x20" + b"\0" * 3 + b"\x1b\0\0" * 2
    profile = (b"ICCP", bytes(max(1, size - 2000)))
    return webp_of([(b"VP8X", extended), profile, *chunks(_picture("WEBP"))])


def _runs(unit: bytes) -> Callable[[int], bytes]:
    """A BMP of run lengths that come to no end."""

    def of(size: int) -> bytes:
        value = _picture("BMP")
        start = struct.unpack_from("<I", value, 10)[0]
        packed = value[:30] + struct.pack("<I", 1) + value[34:start]
        return packed + unit * max(1, (size - len(packed)) // len(unit))

    return of


def _bmp(size: int) -> bytes:
    """A BMP that claims 30,000 by 30,000 pixels."""
    value = _picture("BMP")
    return value[:18] + struct.pack("<ii", 30_000, 30_000) + value[26:] + bytes(max(0, size - 3000))


BOMBS: dict[str, Callable[[int], bytes]] = {
    "a large canvas": _canvas,
    "frames of an animation": _frames,
    "WebP chunks": _webp_chunks,
    "a large profile": _profile,
    "runs of nothing": _runs(b"\0\0"),
    "runs that jump nowhere": _runs(b"\0\2\0\0"),
    "runs of one pixel": _runs(b"\1\7"),
    "a BMP of 900 million pixels": _bmp,
}
