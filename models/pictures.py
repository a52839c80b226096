"""What a picture's pixels are, wherever it comes from: files and the daemon's codec agree here."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageOps

GREY: Final = frozenset({"1", "L", "LA"})
"""Pillow's modes of 8-bit pictures without colours."""
_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})


def upright(image: Image.Image) -> Image.Image:
    """The picture as it is to be seen: turned and mirrored as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if _orientation(image) in range(2, 9) else image


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of `upright`, without decoding the picture."""
    width, height = image.size
    return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def converted(image: Image.Image, mode: str) -> Image.Image:
    """In grey (L), RGB or RGBA. Transparency that the mode lacks is dropped."""
    return image if image.mode == mode else image.convert(mode)


def _orientation(image: Image.Image) -> int:
    """From 1 to 8; 1 is upright, as is a picture whose EXIF is damaged or absent."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (Pillow's parsers raise nearly anything on damaged EXIF)
        return 1
