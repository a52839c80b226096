"""How a picture's file says that it is to be turned, found without decoding it."""

from __future__ import annotations

import struct
from typing import Final

from monitor.pictures import webp
from monitor.pictures.parts import JPEG, MAX_CHUNKS, MAX_SEGMENTS, PNG, START_OF_SCAN
from monitor.pictures.turning import UPRIGHT, orientation_of

PNG_EXIF: Final = b"eXIf"
_CHUNK: Final = struct.Struct(">I4s")
_CHUNK_BYTES: Final = 12
"""Length, name and checksum of a chunk."""
_APPLICATION_1: Final = b"\xff\xe1"
_EXIF: Final = b"Exif\0\0"


def orientation(value: bytes) -> int:
    """From 1 to 8, as EXIF has it; 1 for what says nothing, or is no JPEG, PNG or WebP.

    A TIFF file says it in its directory (`tiff.py`), a BMP file never.
    """
    if value.startswith(JPEG):
        return orientation_of(_jpeg(value)) if _EXIF in value else UPRIGHT
    if value.startswith(PNG):
        return orientation_of(_png(value)) if PNG_EXIF in value else UPRIGHT
    return orientation_of(webp.exif(value)) if webp.is_webp(value) else UPRIGHT


def _jpeg(value: bytes) -> bytes:
    """The first EXIF before the pixels, or no bytes."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        marker, length = value[at : at + 2], int.from_bytes(value[at + 2 : at + 4], "big")
        if len(marker) < 2 or marker[0] != 0xFF or marker == START_OF_SCAN or length < 2:
            break
        name = value[at + 4 : at + 4 + len(_EXIF)]
        if marker == _APPLICATION_1 and name == _EXIF:
            return value[at + 4 + len(_EXIF) : at + 2 + length]
        at += 2 + length
    return b""


def _png(value: bytes) -> bytes:
    """The first EXIF, or no bytes."""
    at = len(PNG)
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK_BYTES > len(value):
            break
        length, name = _CHUNK.unpack_from(value, at)
        if name == PNG_EXIF:
            return value[at + 8 : at + 8 + length]
        at += _CHUNK_BYTES + length
    return b""
