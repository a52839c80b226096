"""A TIFF file, cut down to the directory of one picture and the entries that its pixels need.

Pillow and libtiff believe what a directory claims: hundreds of thousands of strips, a tile of
gigabytes, strips that all lie on the same bytes. Here it is read once, checked, and written anew
at the end of the file, where nothing but the wanted entries is left.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitor.errors import DecodeError
from monitor.pictures.turning import UPRIGHT

MAX_ENTRIES: Final = 512
"""Of a directory. Cameras write a hundred."""
MAX_STRIPS: Final = 2**14
"""Or tiles. Writers put 8 kB and more into each."""
SPARE_TILE_PIXELS: Final = 2**18
"""A tile may be larger than the picture, up to this many pixels."""
STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0")
"""Of TIFF, and of BigTIFF in the byte order that Pillow reads."""
_BIG: Final = 43
_KINDS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Whole numbers of 1, 2, 4 and 8 bytes: struct's letter by TIFF's type."""
_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
STRIPS, SAMPLES, ROWS, STRIP_BYTES, PLANES = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, TABLES = 322, 323, 324, 325, 347
ORIENTATION: Final = 274
_MOST: Final = {
    WIDTH: 1, HEIGHT: 1, BITS: 16, COMPRESSION: 1, 262: 1, 266: 1, STRIPS: MAX_STRIPS, SAMPLES: 1,
    ROWS: 1, STRIP_BYTES: MAX_STRIPS, PLANES: 1, 292: 1, 293: 1, 317: 1, 320: 768, TILE_WIDTH: 1,
    TILE_HEIGHT: 1, TILES: MAX_STRIPS, TILE_BYTES: MAX_STRIPS, 338: 16, 339: 16, TABLES: 2**16,
    529: 3, 530: 2, 531: 1, 532: 6,
}  # fmt: skip
"""The entries that pixels need, and how many values each may have."""
_UNPACKED: Final = 1
_IN_PLANES: Final = 2
JPEG_PACKED: Final = 7
_PACKED: Final = frozenset({2, 3, 4, 5, JPEG_PACKED, 8, 32773, 32946})
"""Fax, LZW, JPEG, Deflate, PackBits: libtiff bounds what these take. LZMA and Zstandard make room
as their data claims."""


@dataclass(frozen=True, slots=True)
class Tiff:
    """size: as stored. bits: most of a channel. orientation: from 1 to 8. parts: where the strips
    or tiles are, start and end. part_size: width and height of one. tables: what JPEG strips
    share. value: the file cut down."""

    size: tuple[int, int]
    bits: int
    orientation: int
    compression: int
    parts: tuple[tuple[int, int], ...]
    part_size: tuple[int, int]
    tables: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file writes numbers: byte order, and the letter of a place in it."""

    order: str
    place: str

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count, and as many bytes as a place has."""
        return struct.Struct(f"{self.order}HH{self.place}{self.place_bytes}s")

    @property
    def place_bytes(self) -> int:
        return 4 if self.place == "I" else 8

    @property
    def count(self) -> str:
        return f"{self.order}{'H' if self.place == 'I' else 'Q'}"


@dataclass(frozen=True, slots=True)
class _Grid:
    """How a picture of so many lines (height) is cut into strips or tiles. rows: lines of one.
    planes: times that all of them come, once for each channel. line_bytes: of one, unpacked."""

    across: int
    rows: int
    planes: int
    line_bytes: int
    height: int

    @property
    def count(self) -> int:
        return self.planes * self.across * -(-self.height // self.rows)

    def unpacked_bytes(self) -> tuple[int, ...]:
        """Of each strip or tile, as far as it is in the picture."""
        tops = range(0, self.height, self.rows)
        lines = [min(self.rows, self.height - top) for top in tops for _ in range(self.across)]
        return tuple(n * self.line_bytes for n in lines) * self.planes


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    field: bytes


def is_tiff(value: bytes) -> bool:
    """Whether it begins as a TIFF or BigTIFF file does."""
    return value.startswith(STARTS)


def cut_down(value: bytes) -> Tiff:
    """What a TIFF file is, and the same picture without what its pixels do not need.

    Raises DecodeError: undecodable for a damaged file, for claims that cannot be true and ways of
    packing that are not read; wrong_shape for several pictures.
    """
    try:
        return _cut_down(value)
    except struct.error:
        raise _damaged("the file ends before its directory does") from None


def _cut_down(value: bytes) -> Tiff:
    order = "<" if value[:1] == b"I" else ">"
    big = struct.unpack_from(f"{order}H", value, 2)[0] == _BIG
    layout = _Layout(order, "Q" if big else "I")
    entries, following = _directory(value, layout, 8 if big else 4)
    if following:
        raise DecodeError("wrong_shape", "it holds several pictures, and one is expected")
    numbers = {tag: _numbers(value, layout, tag, entries) for tag in _MOST if tag in entries}
    size = (_one(numbers, WIDTH), _one(numbers, HEIGHT))
    compression = _one(numbers, COMPRESSION, _UNPACKED)
    if compression != _UNPACKED and compression not in _PACKED:
        raise DecodeError(
            "undecodable", f"a TIFF packed in way {compression}, which is not read. Save it with"
            " LZW or Deflate"
        )  # fmt: skip
    tiled = TILES in numbers
    offsets = numbers.get(TILES if tiled else STRIPS, ())
    grid = _grid(numbers, size, tiled)
    if len(offsets) != grid.count:
        raise _damaged("its strips or tiles do not make the picture")
    lengths = numbers.get(TILE_BYTES if tiled else STRIP_BYTES, ())
    if compression == _UNPACKED:
        lengths = grid.unpacked_bytes()
    parts = _parts(offsets, lengths, len(value))
    wanted = {tag: entries[tag] for tag in sorted(numbers)}
    return Tiff(
        size=size,
        bits=max(numbers.get(BITS, (1,))),
        orientation=_orientation(value, layout, entries),
        compression=compression,
        parts=parts,
        part_size=(_one(numbers, TILE_WIDTH) if tiled else size[0], grid.rows),
        tables=bytes(numbers.get(TABLES, ())),
        value=_written(value, layout, wanted, 8 if big else 4),
    )


def _directory(value: bytes, layout: _Layout, at: int) -> tuple[Mapping[int, _Entry], int]:
    """The first directory's entries by tag, and where the next one begins. at: of its place."""
    (start,) = struct.unpack_from(f"{layout.order}{layout.place}", value, at)
    (count,) = struct.unpack_from(layout.count, value, start)
    if count > MAX_ENTRIES:
        raise _damaged(f"{count} entries, more than {MAX_ENTRIES}")
    start += struct.calcsize(layout.count)
    entries = dict[int, _Entry]()
    for i in range(count):
        tag, *rest = layout.entry.unpack_from(value, start + i * layout.entry.size)
        if tag in entries:
            raise _damaged(f"entry {tag} is there twice")
        entries[tag] = _Entry(*rest)
    end = start + count * layout.entry.size
    return entries, struct.unpack_from(f"{layout.order}{layout.place}", value, end)[0]


def _numbers(
    value: bytes, layout: _Layout, tag: int, entries: Mapping[int, _Entry]
) -> tuple[int, ...]:
    """The values of a wanted entry; none of those that are no whole numbers."""
    entry = entries[tag]
    if not 1 <= entry.count <= _MOST[tag] or entry.kind not in _BYTES:
        raise _damaged(f"entry {tag} has {entry.count} values")
    length = entry.count * _BYTES[entry.kind]
    data = entry.field[:length]
    if length > layout.place_bytes:
        (start,) = struct.unpack(f"{layout.order}{layout.place}", entry.field)
        data = value[start : start + length]
        if len(data) < length:
            raise _damaged("the file ends before its directory does")
    if tag == TABLES:
        return tuple(data)
    if entry.kind not in _KINDS:
        if tag in {529, 532}:  # fractions, which only libtiff reads
            return ()
        raise _damaged(f"entry {tag} is no whole number")
    return struct.unpack(f"{layout.order}{entry.count}{_KINDS[entry.kind]}", data)


def _one(numbers: Mapping[int, tuple[int, ...]], tag: int, default: int = 0) -> int:
    found = numbers.get(tag, (default,))[0]
    if found < 1:
        raise _damaged(f"entry {tag} is {found} or missing")
    return found


def _grid(numbers: Mapping[int, tuple[int, ...]], size: tuple[int, int], tiled: bool) -> _Grid:
    """Raises DecodeError for tiles that are far larger than the picture."""
    width, height = size
    samples, planes = _one(numbers, SAMPLES, 1), 1
    bits = max(numbers.get(BITS, (1,))) * samples
    if _one(numbers, PLANES, 1) == _IN_PLANES:
        bits, planes = bits // samples, samples
    if not tiled:
        return _Grid(1, min(_one(numbers, ROWS, height), height), planes, (width * bits + 7) // 8,
                     height)  # fmt: skip
    across, down = _one(numbers, TILE_WIDTH), _one(numbers, TILE_HEIGHT)
    if across * down > max(SPARE_TILE_PIXELS, 2 * width * height):
        raise _damaged(f"tiles of {across} x {down} pixels, far more than the picture's")
    return _Grid(-(-width // across), down, planes, (across * bits + 7) // 8, height)


def _parts(
    offsets: tuple[int, ...], lengths: tuple[int, ...], end: int
) -> tuple[tuple[int, int], ...]:
    """Where the strips are. Together they cannot be longer than the file."""
    if len(lengths) != len(offsets):
        raise _damaged("its strips or tiles do not say how long they are")
    parts = tuple((start, start + n) for start, n in zip(offsets, lengths, strict=True))
    if sum(lengths) > end or max(stop for _, stop in parts) > end:
        raise _damaged("the file ends before its pixels do")
    return parts


def _orientation(value: bytes, layout: _Layout, entries: Mapping[int, _Entry]) -> int:
    entry = entries.get(ORIENTATION)
    if entry is None or entry.kind not in _KINDS or entry.count != 1:
        return UPRIGHT
    found = struct.unpack_from(f"{layout.order}{_KINDS[entry.kind]}", entry.field)[0]
    return found if 1 <= found <= 8 else UPRIGHT


def _written(value: bytes, layout: _Layout, entries: Mapping[int, _Entry], at: int) -> bytes:
    """The file with a new directory at its end, to which its header points."""
    padded = value + b"\0" * (-len(value) % 8)
    place = f"{layout.order}{layout.place}"
    written = [
        struct.pack(layout.count, len(entries)),
        *(layout.entry.pack(tag, e.kind, e.count, e.field) for tag, e in entries.items()),
        struct.pack(place, 0),
    ]
    header = padded[:at] + struct.pack(place, len(padded))
    return b"".join([header, padded[len(header) :], *written])


def _damaged(what: str) -> DecodeError:
    return DecodeError("undecodable", f"a damaged picture: {what}")
