"""PNG pictures of one size and kind, unpacked together.

Opening one small picture costs Pillow more than unpacking it. Here each file is inflated, and
then many pictures, one below the other, go through Pillow's decoder as one tall picture. A line
of a PNG is told relative to the line above: an empty one between two pictures keeps them apart.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.pictures.orientation import PNG_EXIF
from monitor.pictures.parts import IEND, PNG, is_wanted

_COLOUR_TYPES: Final = {"L": 0, "RGB": 2, "RGBA": 6}
_HEADER: Final = struct.Struct(">IIBBBBB")
_CHUNK: Final = struct.Struct(">I4s")
_CHUNK_BYTES: Final = 12
"""Length, name and checksum of a chunk."""
_MOST_FILTER: Final = 4
MOST_CHUNKS: Final = 2**10
"""Of a file; with more it is left to Pillow."""


class PngReader:
    """Reads PNG files of 8 bits a channel, not interlaced, of this size and mode and no other.

    size: width and height. mode: Pillow's name, L, RGB or RGBA.
    """

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        self._width, self._height = size
        self._mode = mode
        self._line = 1 + self._width * len(mode)
        header = _HEADER.pack(*size, 8, _COLOUR_TYPES[mode], 0, 0, 0)
        self._start = PNG + chunk(b"IHDR", header)

    def lines(self, value: bytes) -> bytes:
        """The lines of a picture as they were before packing; no bytes if in doubt."""
        packed = self._packed(value) if value.startswith(self._start) else b""
        size, unpacker = self._height * self._line, zlib.decompressobj()
        try:
            lines = unpacker.decompress(packed, size + 1)
        except zlib.error:
            return b""
        whole = unpacker.eof and len(lines) == size and not unpacker.unused_data
        return lines if whole and max(lines[:: self._line]) <= _MOST_FILTER else b""

    def _packed(self, value: bytes) -> bytes:
        """What all IDAT chunks hold, of a file that has no others that count."""
        at, parts = len(self._start), list[bytes]()
        for _ in range(MOST_CHUNKS):
            if at + len(IEND) == len(value) and value.endswith(IEND):
                return b"".join(parts)
            if at + _CHUNK_BYTES > len(value):
                break
            length, name = _CHUNK.unpack_from(value, at)
            end = at + _CHUNK_BYTES + length
            if name == b"IDAT" and value[end - 4 : end] == _checksum(value[at + 4 : end - 4]):
                parts.append(value[at + 8 : end - 4])
            elif is_wanted(name) or name == PNG_EXIF:
                break
            at = end
        return b""

    def pixels(self, pictures: Sequence[bytes]) -> NDArray[Any]:
        """uint8 (n, height, width, channels) of the lines of some pictures."""
        empty = bytes(self._line)
        packed = zlib.compress(empty.join([b"", *pictures]), 0)
        tall = (self._width, len(pictures) * (self._height + 1))
        image = Image.frombytes(self._mode, tall, packed, "zip", self._mode)
        table = np.asarray(image).reshape(len(pictures), self._height + 1, self._width, -1)
        return table[:, 1:]


def chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + _checksum(name + content)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")
