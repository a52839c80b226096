"""Edits of pictures that know the parts of their files, and keep lengths and checksums right."""

from __future__ import annotations

import struct
import zlib
from random import Random
from typing import TypeVar

from tests.fuzz import edits
from tests.fuzz.edits import Edit
from tests.fuzz.files import (
    END_OF_IMAGE,
    PNG,
    START_OF_SCAN,
    chunk,
    chunks,
    segment,
    segments,
)
from tests.fuzz.tiff_edits import EDITS as TIFF_EDITS
from tests.fuzz.tiff_edits import TIFF
from tests.fuzz.webp_bmp_edits import BMP_EDITS, WEBP_EDITS

T = TypeVar("T")
PACKED = zlib.compress(bytes(900_000), 9)
NAMES = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs",
    b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"bKGD", b"teSt", b"TEST",
    b"CgBI", b"DDAT", b"\0\0\0\0", b"1234", b"t\xffst",
)  # fmt: skip
DATA = (
    b"", b"\0", b"a\0\0" + PACKED, b"a\0\1\0\0\0" + PACKED, b"a\0\0" + zlib.compress(b"text"),
    struct.pack(">II", 1, 0), struct.pack(">II", 2, 0), struct.pack(">II", 2**31, 1),
    struct.pack(">IIIIIHHBB", 0, 28, 28, 0, 0, 1, 1, 0, 0), bytes(range(256)) * 3, b"\xff" * 26,
    b"MM\0*\0\0\0\x08\0\1\x01\x1a\0\5\xff\xff\xff\xff\0\0\0\x08",
)  # fmt: skip
SIDES = (0, 1, 7, 8, 9, 16, 27, 28, 29, 96, 255, 4097, 65_500, 30_000_000, 2**31 - 1, 2**32 - 1)
MARKERS = (
    *range(0xC0, 0xD0), 0xD0, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xE1, 0xE2,
    0xED, 0xEE, 0xEF, 0xF0, 0xFE, 0x01, 0x02,
)  # fmt: skip
SEGMENTS = (
    b"", b"\0", b"JFIF\0\1\1\1\0\1\0\1\0\0", b"JFIF", b"Exif\0\0", b"Exif\0\0" + DATA[-1],
    b"MPF\0" + DATA[-1], b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\1\0\4\0\0\0\1\0\0\0\2", b"Adobe\0\x64" * 2,
    b"ICC_PROFILE\0\1\1", b"Photoshop 3.0\0" + b"8BIM\3\xed\0\0\xff\xff\xff\xff", b"\0\2",
    b'http://ns.adobe.com/xap/1.0/\0 hdrgm:Version="1.0"', b"\xff\xd9\xff\xda" * 9, bytes(65_000),
)  # fmt: skip


def _shuffled(rng: Random, parts: list[T], new: T) -> list[T]:
    """One part is missing, there again elsewhere, in another place, or joined by a new one."""
    at = rng.randrange(len(parts)) if parts else 0
    to = rng.randint(0, len(parts))
    kind = rng.randrange(4)
    if kind == 0:
        return parts[:at] + parts[at + 1 :]
    if kind == 1:
        return parts[:to] + parts[at : at + 1] * rng.choice((1, 2, 50)) + parts[to:]
    if kind == 2 and parts:
        parts[at], parts[to - 1] = parts[to - 1], parts[at]
        return parts
    return [*parts[:to], new, *parts[to:]]


def _png(parts: list[tuple[bytes, bytes]]) -> bytes:
    return PNG + b"".join(chunk(name, data) for name, data in parts)


def other_chunks(rng: Random, value: bytes) -> bytes:
    """The chunks of a PNG, in other places and numbers, or a new one among them."""
    new = (rng.choice(NAMES), rng.choice(DATA))
    return _png(_shuffled(rng, chunks(value), new))


def other_chunk(rng: Random, value: bytes) -> bytes:
    """The data of one chunk edited, with the right checksum."""
    parts = chunks(value) or [(b"IEND", b"")]
    at = rng.randrange(len(parts))
    name, data = parts[at]
    parts[at] = (name, rng.choice(edits.EDITS)(rng, data))
    return _png(parts)


def other_png_header(rng: Random, value: bytes) -> bytes:
    """Another size, depth, kind of colour or interlacing, with the right checksum."""
    parts = chunks(value)
    header = bytearray((parts[0][1] if parts else b"").ljust(13, b"\0"))
    if rng.random() < 0.3:
        struct.pack_into(">I", header, rng.choice((0, 4)), rng.choice(SIDES))
    else:
        header[rng.randint(8, 12)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return _png([(b"IHDR", bytes(header)), *parts[1:]])


def other_pixels(rng: Random, value: bytes) -> bytes:
    """Other rows, filters included, packed as they should be."""
    parts = chunks(value)
    pixels = rng.randbytes(rng.choice((0, 1, 28 * 29, 4000))) * rng.choice((1, 3))
    packed = zlib.compress(pixels, rng.choice((0, 9)))
    return _png([(n, packed if n == b"IDAT" else d) for n, d in parts])


def other_segments(rng: Random, value: bytes) -> bytes:
    """The segments of a JPEG, in other places and numbers, or a new one among them."""
    start, *parts = segments(value)
    shuffled = _shuffled(rng, parts, segment(rng.choice(MARKERS), _segment(rng)))
    return start + b"".join(shuffled)


def _segment(rng: Random) -> bytes:
    return rng.choice(SEGMENTS) if rng.random() < 0.7 else rng.randbytes(rng.randint(0, 300))


def other_segment(rng: Random, value: bytes) -> bytes:
    """The data of one segment edited, with the right length."""
    parts = segments(value)
    at = rng.randrange(len(parts))
    if parts[at][:1] != b"\xff" or len(parts[at]) < 4:
        return rng.choice(edits.EDITS)(rng, value)
    data = rng.choice(edits.EDITS)(rng, parts[at][4:])
    parts[at] = segment(parts[at][1], data[:65_000])
    return b"".join(parts)


def more_scans(rng: Random, value: bytes) -> bytes:
    """The last scan of a JPEG again and again, whole or only its header, or junk between scans."""
    start, end = value.rfind(START_OF_SCAN), value.rfind(END_OF_IMAGE)
    if not 0 <= start < end:
        return value
    scan = value[start : rng.choice((end, start + 10))] + rng.choice((b"", b"\xff\xd0", b"\0"))
    return value[:start] + scan * rng.choice((2, 9, 90, 150)) + END_OF_IMAGE


PNG_EDITS: tuple[Edit, ...] = (other_chunks, other_chunk, other_png_header, other_pixels)
JPEG_EDITS: tuple[Edit, ...] = (other_segments, other_segment, more_scans)


def edit_picture(rng: Random, value: bytes) -> bytes:
    """An edit that fits the file's format."""
    known: tuple[Edit, ...] = JPEG_EDITS
    if value.startswith(PNG):
        known = PNG_EDITS
    elif value.startswith(TIFF):
        known = TIFF_EDITS
    elif value.startswith(b"RIFF"):
        known = WEBP_EDITS
    elif value.startswith(b"BM"):
        known = BMP_EDITS
    return rng.choice(known)(rng, value)
