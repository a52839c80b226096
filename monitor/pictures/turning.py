"""How a picture is turned, as EXIF has it."""

from __future__ import annotations

import struct
from typing import Final

from PIL import Image

UPRIGHT: Final = 1
"""The orientation in EXIF of a picture that is stored as it is to be seen."""
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
_TAG: Final = 0x0112
_SHORT: Final = 3
_ENTRIES: Final = 256
"""Looked at in an EXIF directory, at most. Cameras write two dozen."""


def orientation_of(exif: bytes) -> int:
    """From 1 to 8, by EXIF itself (a TIFF header and what follows); 1 if damaged or absent.

    Bounded, whatever the bytes are.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for i in range(min(count, _ENTRIES)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * i)
            if tag == _TAG and kind == _SHORT:
                return value if value in _TURNS else UPRIGHT
    except struct.error:
        pass  # it ends before what it claims to hold
    return UPRIGHT


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is to be seen: turned and mirrored as the orientation says."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of `turned`."""
    return (size[1], size[0]) if orientation in _SIDEWAYS else size
