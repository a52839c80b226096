"""Whether a picture's file holds all its pixels. Pillow makes black or grey of those that lack."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import simplejpeg

from monitor.errors import DecodeError
from monitor.pictures.parts import IEND, JPEG, MAX_SCANS, PNG, START_OF_SCAN

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a PNG, by its colour type."""
_HEADER: Final = struct.Struct(">IIBBxxB")
_CHUNK: Final = struct.Struct(">I4s")
_CHUNK_BYTES: Final = 12
"""Length, name and checksum of a chunk."""
_ADAM7: Final = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
"""The passes of an interlaced PNG: first column and line, and the steps between."""
_ZLIB_HEADER: Final = 2
_ZLIB_CHECKSUM: Final = 4
_RAW: Final = -15
"""Inflate without zlib's header and checksum: a picture is whole without the latter being right."""


def check_whole(value: bytes) -> None:
    """Raise DecodeError, undecodable, for a PNG or JPEG that ends before its pixels do.

    value: what Pillow could decode, of a size that is known to be right.
    """
    if value.startswith(PNG):
        whole = _is_whole_png(value)
    else:
        whole = not value.startswith(JPEG) or _is_whole_jpeg(value)
    if not whole:
        raise _ends_early()


def check_jpeg_strips(
    value: bytes, parts: Sequence[tuple[int, int]], tables: bytes, size: tuple[int, int]
) -> None:
    """The same for the strips or tiles of a TIFF that are JPEG files without their tables.

    parts: where they are in the file, start and end. tables: a JPEG file of nothing else. size:
    width and height that none of them exceeds.
    """
    for start, end in parts:
        strip = value[start:end]
        if strip.count(START_OF_SCAN) > MAX_SCANS:
            raise DecodeError("undecodable", f"more than {MAX_SCANS} scans in a strip")
        whole = tables[:-2] + strip[2:] if tables else strip
        if not _is_at_most(whole, size) or not _is_whole_jpeg(whole):
            raise _ends_early()


def _is_at_most(jpeg: bytes, size: tuple[int, int]) -> bool:
    """Whether a JPEG file says that it is no larger than this width and height."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    except ValueError:
        return False
    return bool(width <= size[0] and height <= size[1])


def _ends_early() -> DecodeError:
    return DecodeError("undecodable", "a damaged picture: the file ends before its pixels do")


def _is_whole_png(value: bytes) -> bool:
    parts = list[bytes]()
    for name, content in _chunks(value):
        if name == b"IEND":
            return _holds_all(value, b"".join(parts))
        if name == b"IDAT":
            parts.append(content)
    return False


def _chunks(value: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks that are whole."""
    at = len(PNG)
    while at + len(IEND) <= len(value):
        length, name = _CHUNK.unpack_from(value, at)
        end = at + _CHUNK_BYTES + length
        if end > len(value):
            return
        yield name, value[at + 8 : end - 4]
        at = end


def _holds_all(value: bytes, packed: bytes) -> bool:
    size = _unpacked_bytes(*_HEADER.unpack_from(value, len(PNG) + 8))
    unpacker = zlib.decompressobj(_RAW)
    try:
        # With more than that, all lines are there, and where it ends does not matter.
        found = len(unpacker.decompress(packed[_ZLIB_HEADER:], size + 1))
    except zlib.error:
        return False
    ended = unpacker.eof and len(unpacker.unused_data) >= _ZLIB_CHECKSUM
    return found > size or (found == size and ended)


def _unpacked_bytes(width: int, height: int, depth: int, colour: int, interlaced: int) -> int:
    bits = depth * _CHANNELS[colour]
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for left, top, step, line_step in _ADAM7:
        columns = max(0, -((left - width) // step))
        lines = max(0, -((top - height) // line_step))
        total += lines * (1 + (columns * bits + 7) // 8) if columns else 0
    return total


def _is_whole_jpeg(value: bytes) -> bool:
    """Whether libjpeg has nothing to say about the end. Of a file that it cannot read it has none,
    and a progressive one may end after any of its scans.
    """
    try:
        # The smallest size that it can make of it: all the file is read in any case.
        simplejpeg.decode_jpeg(value, "GRAY", min_height=1, min_width=1)
    except ValueError as error:
        return "premature end" not in str(error).lower()
    return True
