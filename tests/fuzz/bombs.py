"""Payloads that claim or cost much for their size: each is made as long as it is asked to be."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np

from tests.asked import Asked
from tests.fuzz.arrow_edits import BOMBS as ARROW
from tests.fuzz.avro_edits import BOMBS as AVRO
from tests.fuzz.files import (
    END_OF_IMAGE,
    PNG,
    START_OF_SCAN,
    chunk,
    ihdr,
    npy,
    npy_header,
    saved,
    segment,
    segments,
)
from tests.fuzz.msgpack_bombs import BOMBS as MSGPACK
from tests.fuzz.protobuf_edits import BOMBS as PROTOBUF
from tests.fuzz.tiff_edits import BOMBS as TIFF
from tests.fuzz.webp_bmp_edits import BOMBS as WEBP_AND_BMP

SIDE = 28
PACKED = zlib.compress(bytes(1_000_000), 9)
Bomb = Callable[[int], bytes]


def _filled(size: int, before: bytes, unit: bytes, after: bytes) -> bytes:
    """`before`, as many units as fit, `after`."""
    return before + unit * max(1, (size - len(before) - len(after)) // len(unit)) + after


def _repeated(before: bytes, unit: bytes, after: bytes) -> Bomb:
    return lambda size: _filled(size, before, unit, after)


def _nested(depth: int) -> Bomb:
    return _repeated(b"[", b"[" * depth + b"1" + b"]" * depth + b",", b"1]")


JSON: dict[str, Bomb] = {
    "numbers": _repeated(b"[", b"1,", b"1]"),
    "fractions": _repeated(b"[", b"1.5e-9,", b"1]"),
    "numbers beyond float64": _repeated(b"[", b"1e999,", b"1]"),
    "numbers of 4299 digits": _repeated(b"[", b"1" * 4299 + b",", b"1]"),
    "a number of 5000 digits": lambda size: b"[1" + b"0" * 5000 + b"]",
    "one long number": _repeated(b"[1.", b"3", b"]"),
    "one long exponent": _repeated(b"[1e-", b"3", b"]"),
    "empty lists": _repeated(b"[", b"[],", b"[]]"),
    "lists of one": _repeated(b"[", b"[1],", b"[1]]"),
    "lists of unequal length": _repeated(b"[", b"[1,1],", b"[1]]"),
    "lists 60 deep": _nested(60),
    "lists 900 deep": _nested(900),
    "lists as deep as they are long": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "objects as deep as they are long": _repeated(b"", b'{"a":', b"1"),
    "objects": _repeated(b"[", b'{"":1},', b"1]"),
    "one key again and again": _repeated(b"{", b'"a":[1],', b'"b":2}'),
    "one long string among many": lambda size: _filled(
        size, b'["' + b"a" * (size // 2) + b'"', b',"b"', b"]"
    ),
    "escapes": _repeated(b'"', b"\\ud83d\\ude00", b'"'),
    "blanks": _repeated(b"", b" ", b"1"),
    "lines": _repeated(b"", b"\n", b"x"),
    "utf-32": lambda size: ("[" + "1," * (size // 8) + "1]").encode("utf-32-le")[:size],
    "rows": lambda size: str([[[7] * SIDE] * SIDE] * max(1, size // 2410)).encode(),
}

RAW: dict[str, Bomb] = {
    "zeros": bytes,
    "not a number": _repeated(b"", b"\xff", b""),
    "more rows than allowed": lambda size: bytes(4 * SIDE * SIDE) * max(1, size // 3136),
}

BIG = "9" * 4000
NPY: dict[str, Bomb] = {
    "a claim of 8 TB": lambda size: npy(npy_header("<f8", f"(1000000000, {SIDE}, {SIDE})")),
    "lengths of 4000 digits": lambda size: npy(npy_header("<f8", f"({BIG}, {SIDE}, {SIDE})")),
    "2000 dimensions": lambda size: npy(npy_header("<f8", "(" + "1," * 2000 + ")")),
    "a header of 4 GB": lambda size: b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(size - 12),
    "a header of blanks": lambda size: npy(npy_header("<f8", "(28, 28)")[:-1] + " " * 3900 + "x"),
    "a header of brackets": lambda size: npy("(" * 4000),
    "many rows": lambda size: npy(
        npy_header("|u1", f"({size // 1000}, {SIDE}, {SIDE})", "True"),
        bytes(size // 1000 * SIDE * SIDE),
    ),
    "rows to be turned round": lambda size: npy(
        npy_header(">f4", f"({size // 4000}, {SIDE}, {SIDE})"),
        bytes(4 * (size // 4000) * SIDE * SIDE),
    ),
}


@cache
def _picture(form: str, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    return saved(noise, form, **options)


def _after_header(unit: bytes) -> Bomb:
    """A PNG with chunks between its header and its pixels."""
    picture = _picture("PNG")
    return _repeated(picture[:33], unit, picture[33:])


def _after_start(unit: bytes) -> Bomb:
    """A JPEG with segments before its own."""
    picture = _picture("JPEG")
    return _repeated(picture[:2], unit, picture[2:])


def _texts(name: bytes, before: bytes) -> Bomb:
    """Sixty texts of a megabyte each, in a PNG of 66 kB: Pillow would stop at 64."""
    texts = b"".join(chunk(name, b"%d" % number + before + PACKED) for number in range(60))
    return lambda size: _picture("PNG")[:33] + texts + _picture("PNG")[33:]


def _scans(size: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again, without data."""
    picture = _picture("JPEG", progressive=True)
    last = picture.rindex(START_OF_SCAN)
    return _filled(size, picture[:last], picture[last : last + 10], END_OF_IMAGE)


def _overlapping_exif(size: int) -> bytes:
    """Entries that all claim the same 30 kB. Without JFIF, Pillow looks there for the density."""
    entries = b"".join(struct.pack(">HHII", tag, 7, 30_000, 8) for tag in range(2500))
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2500) + entries + bytes(20_000)
    start, _, *others = segments(_picture("JPEG"))
    return start + segment(0xE1, exif) + b"".join(others)


def _bomb(side: int) -> Bomb:
    """A PNG that would unpack to side x side pixels."""
    header, end = PNG + ihdr(side, side), chunk(b"IEND")
    return lambda size: header + chunk(b"IDAT", zlib.compress(bytes(size), 9)) + end


IMAGE: dict[str, Bomb] = {
    "a decompression bomb": _bomb(30_000),
    "a larger decompression bomb": _bomb(2**31 - 1),
    "more pixels than it says": _bomb(SIDE),
    "empty private chunks": _after_header(chunk(b"teSt")),
    "empty pixel chunks": _after_header(chunk(b"IDAT")),
    "empty unknown chunks": _after_header(chunk(b"TEST")),
    "packed colour profiles": _after_header(chunk(b"iCCP", b"a\0\0" + PACKED)),
    "packed texts": _texts(b"zTXt", b"\0\0"),
    "packed texts in unicode": _texts(b"iTXt", b"\0\1\0\0\0"),
    "chunks after the pixels": lambda size: _filled(
        size, _picture("PNG")[:-12], chunk(b"teSt"), chunk(b"IEND")
    ),
    "padding": _after_start(b"\xff"),
    "no markers": _after_start(b"\xff\0"),
    "comments": _after_start(segment(0xFE)),
    "restarts": _after_start(b"\xff\xd0"),
    "pieces of Exif": _after_start(segment(0xE1, b"Exif\0\0M")),
    "large pieces of Exif": _after_start(segment(0xE1, b"Exif\0\0" + bytes(65_000))),
    "overlapping Exif": _overlapping_exif,
    "Photoshop resources": _after_start(segment(0xED, b"Photoshop 3.0\0" + b"8BIM\3\0\0\0" * 8000)),
    "quantisation tables": _after_start(segment(0xDB, b"\0" + b"\1" * 64)),
    "scans": _scans,
    **TIFF,
    **WEBP_AND_BMP,
}

BOMBS: Asked[dict[str, Bomb]] = Asked(
    "tests/fuzz/bombs.py: add payloads that claim or cost much for codec {} to BOMBS",
    {
        "json": JSON,
        "json-schema": JSON,
        "raw": RAW,
        "npy": NPY,
        "image": IMAGE,
        "msgpack": MSGPACK,
        "avro": AVRO,
        "protobuf": PROTOBUF,
        "arrow": ARROW,
    },
)
