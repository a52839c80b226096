"""Edits and bombs of TIFF files that know their directory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

import numpy as np

from tests.fuzz.edits import Edit, replaced
from tests.fuzz.tiff_files import LONG, SHORT, Entry, directory, grey, tiff_of

TIFF = (b"II*\0", b"MM\0*", b"II+\0")
TAGS = (
    254, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322,
    323, 324, 325, 338, 339, 347, 529, 530, 531, 532, 700, 34665, 0xBC01,
)  # fmt: skip
KINDS = (0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 255)
NUMBERS = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 28, 32, 784, 4096, 32773, 32946, 34925, 50000, 50001,
    2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1,
)  # fmt: skip
BLANK = np.zeros((28, 28), np.uint8)


def _order(value: bytes) -> str:
    return "<" if value[:2] == b"II" else ">"


def _entries(value: bytes) -> tuple[int, int]:
    """Where the entries of the first directory begin, of a small file, and how many they are."""
    try:
        (start,) = struct.unpack_from(f"{_order(value)}I", value, 4)
        (count,) = struct.unpack_from(f"{_order(value)}H", value, start)
    except struct.error:
        return 0, 0
    return start + 2, min(count, (len(value) - start - 2) // 12)


def other_entry(rng: Random, value: bytes) -> bytes:
    """Another tag, type, count or value of an entry."""
    start, count = _entries(value)
    if count < 1:
        return value
    at, order = start + 12 * rng.randrange(count), _order(value)
    kind = rng.randrange(4)
    if kind == 0:
        return replaced(value, slice(at, at + 2), struct.pack(f"{order}H", rng.choice(TAGS)))
    if kind == 1:
        new = struct.pack(f"{order}H", rng.choice(KINDS))
        return replaced(value, slice(at + 2, at + 4), new)
    where = at + (4 if kind == 2 else 8)
    short = struct.pack(f"{order}HH", rng.choice(NUMBERS) & 0xFFFF, 0)
    long = struct.pack(f"{order}I", rng.choice(NUMBERS))
    return replaced(value, slice(where, where + 4), rng.choice((short, long)))


def fewer_entries(rng: Random, value: bytes) -> bytes:
    """Another number of entries, or another place of the directory."""
    start, count = _entries(value)
    order = _order(value)
    if count < 1 or rng.random() < 0.3:
        place = struct.pack(f"{order}I", rng.choice((0, 4, 8, start, len(value) - 6, 2**32 - 1)))
        return replaced(value, slice(4, 8), place)
    number = struct.pack(f"{order}H", rng.choice((0, 1, count - 1, count + 1, 600, 65_535)))
    return replaced(value, slice(start - 2, start), number)


def other_strip(rng: Random, value: bytes) -> bytes:
    """Bytes where pixels are, packed or not."""
    start, _ = _entries(value)
    at = rng.randrange(8, max(9, min(len(value), max(start, 9))))
    junk = rng.choice((rng.randbytes(4), b"\xff\xd9", bytes(8), zlib.compress(bytes(999))))
    return replaced(value, slice(at, at + len(junk)), junk)


EDITS: tuple[Edit, ...] = (other_entry, other_entry, fewer_entries, other_strip)


def _many_strips(size: int) -> bytes:
    """Strips that all lie on one packed strip as long as the file."""
    packed = zlib.compress(bytes(4000), 0)
    before = packed + bytes(max(0, size - len(packed) - 300_000))
    before += b"\0" * (len(before) % 2)
    entries = _blank() | {
        257: (LONG, [28]), 259: (SHORT, [8]), 278: (LONG, [1]), 273: (LONG, [8] * 28),
        279: (LONG, [len(before)] * 28),
    }  # fmt: skip
    return _file(entries, before)


def _blank() -> dict[int, tuple[int, list[int]]]:
    return {256: (LONG, [28]), 257: (LONG, [28]), 258: (SHORT, [8]), 259: (SHORT, [1]),
            262: (SHORT, [1]), 277: (SHORT, [1])}  # fmt: skip


def _file(entries: dict[int, tuple[int, list[int]]], before: bytes = b"") -> bytes:
    listed = [Entry(tag, *entries[tag]) for tag in sorted(entries)]
    return tiff_of(directory(listed, at=8 + len(before)), before=before)


def _more_strips(size: int) -> bytes:
    count = max(1, (size - 2000) // 8)
    return _file(_blank() | {273: (LONG, [8] * count), 278: (LONG, [1]),
                             279: (LONG, [28] * count)})  # fmt: skip


def _packed(size: int) -> bytes:
    """A strip that would unpack to a thousand times its size."""
    stored = zlib.compress(bytes(min(size, 2**20) * 200), 9)[: max(1, size - 1000)]
    stored += b"\0" * (len(stored) % 2)
    entries = _blank() | {259: (SHORT, [8]), 273: (LONG, [8]), 278: (LONG, [28]),
                          279: (LONG, [len(stored)])}  # fmt: skip
    return _file(entries, stored)


def _tile(size: int) -> bytes:
    entries = _blank() | {259: (SHORT, [8]), 322: (LONG, [2**16]), 323: (LONG, [2**15]),
                          324: (LONG, [8]), 325: (LONG, [max(1, size - 1000)])}  # fmt: skip
    return _file(entries, bytes(max(2, size - 1000) // 2 * 2))


def _entry_flood(size: int) -> bytes:
    count = min(65_535, max(1, (size - 100) // 12))
    return tiff_of(directory([Entry(40_000 + i % 20_000, LONG, [1]) for i in range(count)]))


def _metadata(size: int) -> bytes:
    """Entries that nobody needs, all of which claim the whole file."""
    picture = grey(BLANK, {})
    start, count = _entries(picture)
    flood = b"".join(
        struct.pack("<HHII", 50_000 + i, 7, max(1, size - 9000), 8) for i in range(400)
    )
    head = struct.pack("<H", count + 400) + picture[start : start + 12 * count] + flood
    header = picture[:4] + struct.pack("<I", start - 2)
    return header + picture[8 : start - 2] + head + bytes(4) + bytes(max(0, size - 12_000))


BOMBS: dict[str, Callable[[int], bytes]] = {
    "strips on the same bytes": _many_strips,
    "far more strips than the picture has": _more_strips,
    "a strip that unpacks to far more": _packed,
    "a tile of gigabytes": _tile,
    "a directory of many entries": _entry_flood,
    "TIFF metadata on the same bytes": _metadata,
}
