"""What a WebP file says before anything is unpacked: its size, frames and orientation."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from monitor.errors import DecodeError

MAX_CHUNKS: Final = 64
"""Of a file with one picture. Writers need seven."""
_CHUNK: Final = struct.Struct("<4sI")
_FIRST_CHUNK: Final = 12
_EXIF: Final = b"Exif\0\0"
_ANIMATED: Final = 0x02
_FULL_SIDE: Final = 0x3FFF


def is_webp(value: bytes) -> bool:
    """Whether it begins as a WebP file does."""
    return value.startswith(b"RIFF") and value[8:12] == b"WEBP"


def size(value: bytes) -> tuple[int, int]:
    """Width and height of the canvas. libwebp makes room for it when the file is opened.

    Raises DecodeError, undecodable, for a damaged header, wrong_shape for an animation.
    """
    name, content = value[12:16], value[20:30]
    if name == b"VP8X" and len(content) == 10:
        if content[0] & _ANIMATED:
            raise DecodeError("wrong_shape", "it holds several pictures, and one is expected")
        return 1 + _three_bytes(content, 4), 1 + _three_bytes(content, 7)
    if name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a" and len(content) == 10:
        width, height = struct.unpack_from("<HH", content, 6)
        return width & _FULL_SIDE, height & _FULL_SIDE
    if name == b"VP8L" and content[:1] == b"\x2f" and len(content) >= 5:
        (bits,) = struct.unpack_from("<I", content, 1)
        return 1 + (bits & _FULL_SIDE), 1 + (bits >> 14 & _FULL_SIDE)
    raise DecodeError("undecodable", "a damaged picture: no header of WebP")


def exif(value: bytes) -> bytes:
    """The first EXIF, as a TIFF header and what follows, or no bytes."""
    for name, start, end in _chunks(value):
        if name == b"EXIF":
            return value[start:end].removeprefix(_EXIF)
    return b""


def check_chunks(value: bytes) -> None:
    """Raise DecodeError, undecodable, for more parts than a picture has."""
    if sum(1 for _ in _chunks(value)) > MAX_CHUNKS:
        raise DecodeError("undecodable", f"more than {MAX_CHUNKS} chunks, more than pictures have")


def _chunks(value: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the contents of chunks; one more than there may be at most."""
    at = _FIRST_CHUNK
    for _ in range(MAX_CHUNKS + 1):
        if at + _CHUNK.size > len(value):
            return
        name, length = _CHUNK.unpack_from(value, at)
        start = at + _CHUNK.size
        yield name, start, start + length
        at = start + length + length % 2


def _three_bytes(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 3], "little")
