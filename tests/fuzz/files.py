"""The parts that .npy files, PNG and JPEG files are made of (TIFF: `tiff_files.py`)."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
START_OF_SCAN = b"\xff\xda"
END_OF_IMAGE = b"\xff\xd9"


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """A .npy file with a header of one's own."""
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin-1") + data


def npy_header(descr: str, shape: str, fortran: str = "False") -> str:
    """The header as numpy writes it."""
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG, with the right checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each chunk, as far as they can be told."""
    found, at = [], len(PNG)
    while at + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        found.append((name, png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def ihdr(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """The header chunk of a PNG. colour: 0 grey, 2 RGB, 3 palette, 4 and 6 with alpha."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def segment(marker: int, data: bytes = b"") -> bytes:
    """A segment of a JPEG."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def segments(jpeg: bytes) -> list[bytes]:
    """Start of the image, its segments up to the first scan, and all that follows."""
    found, at = [jpeg[:2]], 2
    while at + 4 <= len(jpeg) and jpeg[at : at + 2] != START_OF_SCAN:
        end = at + 2 + max(2, int.from_bytes(jpeg[at + 2 : at + 4], "big"))
        found.append(jpeg[at:end])
        at = end
    return [*found, jpeg[at:]]


def saved(pixels: NDArray[np.generic], form: str, **options: object) -> bytes:
    """A picture, written by Pillow."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()
