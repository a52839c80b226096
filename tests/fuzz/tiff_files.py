"""TIFF files, made entry by entry: good ones, and such as claim what is not so."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORT, LONG = 3, 4
_LETTERS = {1: "B", SHORT: "H", LONG: "I", 16: "Q"}
Entries = Mapping[int, tuple[int, Sequence[int]]]


class Entry(NamedTuple):
    tag: int
    kind: int
    values: Sequence[int]


def entry(tag: int, kind: int, values: Sequence[int]) -> Entry:
    """An entry of a directory."""
    return Entry(tag, kind, values)


def directory(
    entries: Sequence[Entry], order: str = "<", big: bool = False, following: int = 0, at: int = 8
) -> bytes:
    """A directory that begins at a place of its file; longer values follow it."""
    place, room = ("Q", 8) if big else ("I", 4)
    length = struct.calcsize("<Q" if big else "<H") + len(entries) * (4 + 2 * room) + room
    # One after the other they would be copied with each of tens of thousands.
    head, tail = [struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))], b""
    for tag, kind, values in entries:
        data = struct.pack(f"{order}{len(values)}{_LETTERS.get(kind, 'I')}", *values)
        if len(data) > room:
            field, tail = struct.pack(f"{order}{place}", at + length + len(tail)), tail + data
        else:
            field = data.ljust(room, b"\0")
        head.append(struct.pack(f"{order}HH{place}", tag, kind, len(values)) + field)
    return b"".join(head) + struct.pack(f"{order}{place}", following) + tail


def tiff_of(directory: bytes, order: str = "<", big: bool = False, before: bytes = b"") -> bytes:
    """A file: header, what lies before the directory (its length even), the directory."""
    start = b"II" if order == "<" else b"MM"
    if big:
        return start + struct.pack(f"{order}HHHQ", 43, 8, 0, 16 + len(before)) + before + directory
    return start + struct.pack(f"{order}HI", 42, 8 + len(before)) + before + directory


def grey(
    pixels: NDArray[Any],
    changes: Entries,
    order: str = "<",
    big: bool = False,
    rows: int = 0,
    tile: int = 0,
    compression: int = 1,
    following: int = 0,
) -> bytes:
    """A grey picture (H, W) of 8 or 16 bits, in strips of so many rows, or in tiles.

    changes: entries that are other than they should be, by their tag; without values for none.
    compression: 1, or 8 for Deflate. following: where the next directory is said to be.
    """
    height, width = pixels.shape
    parts = _tiles(pixels, tile) if tile else _strips(pixels, rows or height)
    stored = [part.astype(part.dtype.newbyteorder(order)).tobytes() for part in parts]  # type: ignore[arg-type]
    if compression != 1:
        stored = [zlib.compress(part) for part in stored]
    begin = 16 if big else 8
    places = begin + np.cumsum([0, *map(len, stored)])[:-1]
    before = b"".join(stored)
    before += b"\0" * (len(before) % 2)
    entries: dict[int, tuple[int, Sequence[int]]] = {
        256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [8 * pixels.itemsize]),
        259: (SHORT, [compression]), 262: (SHORT, [1]), 277: (SHORT, [1]),
    }  # fmt: skip
    lengths = [len(part) for part in stored]
    if tile:
        entries |= {322: (LONG, [tile]), 323: (LONG, [tile]), 324: (LONG, places.tolist()),
                    325: (LONG, lengths)}  # fmt: skip
    else:
        entries |= {273: (LONG, places.tolist()), 278: (LONG, [rows or height]),
                    279: (LONG, lengths)}  # fmt: skip
    entries |= changes
    listed = [Entry(tag, *entries[tag]) for tag in sorted(entries)]
    made = directory(listed, order, big, following, begin + len(before))
    return tiff_of(made, order, big, before)


def _strips(pixels: NDArray[Any], rows: int) -> list[NDArray[Any]]:
    return [pixels[top : top + rows] for top in range(0, len(pixels), rows)]


def _tiles(pixels: NDArray[Any], side: int) -> list[NDArray[Any]]:
    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % side), (0, -width % side)))
    return [
        padded[top : top + side, left : left + side]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
