"""The one way from a picture's bytes to its pixels, for files and for payloads."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from monitor.errors import DecodeError
from monitor.pictures import bmp, tiff, webp
from monitor.pictures.form import DEEP, Form
from monitor.pictures.orientation import orientation
from monitor.pictures.parts import JPEG, PNG, essential
from monitor.pictures.turning import UPRIGHT, turned, turned_size
from monitor.pictures.whole import check_jpeg_strips, check_whole

MAX_PIXELS: Final = 89_478_485
"""Of a file, as Pillow's own limit has it. Payloads have one of their own (codec.max_pixels)."""
_DEEP: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_GREY: Final = frozenset({"1", "L", "LA", "La"})
_COLOURS: Final = frozenset({"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_MULTIPLIED: Final = {"La": "LA", "RGBa": "RGBA"}
"""Modes whose colours were multiplied by their transparency."""
_PNG_DEPTH: Final = 24
"""Where a PNG says how many bits a channel has. Pillow cuts pictures in colour from 16 to 8."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture. size: width and height, as it is to be seen. deep: 16 bits
    of grey, not 8 bits a channel. grey: it has no colours."""

    size: tuple[int, int]
    deep: bool
    grey: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file for Pillow, and what it says that Pillow need not know. format: Pillow's name, the
    only one that it may take it for. bits: a channel, or 0 if Pillow tells. tiff: of a TIFF file.
    """

    format: str
    value: bytes
    turn: int
    bits: int = 0
    tiff: tiff.Tiff | None = None


def header(value: bytes) -> Header:
    """What the file says, without unpacking it; raises DecodeError."""
    with _opened(value, MAX_PIXELS, None) as (image, prepared):
        return _header(image, prepared)


def pixels(value: bytes, form: Form, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Pixels (*form.shape) of form.dtype, turned as an orientation in EXIF says.

    Colours become grey and grey becomes colours as the form says; transparency that it lacks is
    dropped. max_pixels: that a file may have; larger ones are refused before unpacking.

    Raises DecodeError: oversized; wrong_shape for another size, unless the form resizes, or
    several pictures; wrong_dtype for another depth; undecodable for what is damaged or cut off.
    """
    with _opened(value, max_pixels, None if form.resized else form.size) as (image, prepared):
        _check_depth(_header(image, prepared), form)
        if form.resized:
            image.draft(form.mode, (2 * form.width, 2 * form.height))
        seen = _converted(turned(image, prepared.turn), form.mode)
        if form.resized and seen.size != form.size:
            seen = seen.resize(form.size, Image.Resampling.BOX)
        _check_whole(prepared)
        return np.asarray(seen, dtype=form.dtype)


@contextmanager
def _opened(
    value: bytes, max_pixels: int, size: tuple[int, int] | None
) -> Iterator[tuple[Image.Image, _Prepared]]:
    """The file as Pillow has it, its size checked, nothing unpacked. size: None for any."""
    try:
        with warnings.catch_warnings():
            # Damaged EXIF or an unusual palette is no reason to lose a good picture.
            warnings.simplefilter("ignore")
            prepared = _prepared(value, max_pixels, size)
            # `header` and `pixels` have looked at the size: Pillow's own limit is not needed.
            with Image.open(io.BytesIO(prepared.value), formats=(prepared.format,)) as image:
                _check_size(image.size, prepared.turn, max_pixels, size)
                _check_frames(image)
                yield image, prepared
    except DecodeError:
        raise
    except Image.DecompressionBombError as error:
        raise DecodeError("oversized", f"{error}"[:300]) from None
    except UnidentifiedImageError:
        raise DecodeError("undecodable", "a damaged picture: its header cannot be read") from None
    except Exception as error:  # noqa: BLE001
        # Pillow's parsers raise nearly anything on damaged files, and no payload may stop us.
        raise DecodeError("undecodable", f"a damaged picture: {error}"[:300]) from None


def _prepared(value: bytes, max_pixels: int, size: tuple[int, int] | None) -> _Prepared:
    if tiff.is_tiff(value):
        found = tiff.cut_down(value)
        _check_size(found.size, found.orientation, max_pixels, size)
        return _Prepared("TIFF", found.value, found.orientation, found.bits, found)
    if webp.is_webp(value):
        turn = orientation(value)
        _check_size(webp.size(value), turn, max_pixels, size)
        webp.check_chunks(value)
        return _Prepared("WEBP", value, turn)
    if bmp.is_bmp(value):
        bmp.check(value)
        return _Prepared("BMP", value, UPRIGHT)
    if not value.startswith((PNG, JPEG)):
        raise DecodeError("undecodable", "not a PNG, JPEG, WebP, BMP or TIFF that can be read")
    turn, value = orientation(value), essential(value)
    if value.startswith(JPEG):
        return _Prepared("JPEG", value, turn)
    return _Prepared("PNG", value, turn, value[_PNG_DEPTH] if len(value) > _PNG_DEPTH else 0)


def _check_size(
    stored: tuple[int, int], turn: int, max_pixels: int, size: tuple[int, int] | None
) -> None:
    width, height = turned_size(stored, turn)
    if width * height > max_pixels:
        raise DecodeError("oversized", f"{width} x {height} pixels, more than {max_pixels}")
    if size is not None and (width, height) != size:
        raise DecodeError(
            "wrong_shape",
            f"{size[0]} x {size[1]} pixels expected, got {width} x {height}",
        )


def _check_frames(image: Image.Image) -> None:
    if getattr(image, "n_frames", 1) != 1:
        raise DecodeError("wrong_shape", "it holds several pictures, and one is expected")


def _header(image: Image.Image, prepared: _Prepared) -> Header:
    deep = image.mode in _DEEP
    if not deep and (prepared.bits > 8 or image.mode in {"I", "F"}):
        raise DecodeError(
            "wrong_dtype",
            f"8 bits a channel expected (or 16 of grey), got {prepared.bits or 'more'}",
        )
    if not deep and image.mode not in _GREY | _COLOURS:
        raise DecodeError("undecodable", f"colours of kind {image.mode} are not read")
    return Header(turned_size(image.size, prepared.turn), deep, image.mode in _GREY)


def _check_depth(found: Header, form: Form) -> None:
    if found.deep != (form.mode == DEEP):
        expected, got = (16, 8) if form.mode == DEEP else (8, 16)
        raise DecodeError("wrong_dtype", f"{expected} bits a channel expected, got {got}")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """In grey (L), RGB or RGBA, or 16 bits of grey in this machine's byte order."""
    if mode == DEEP:
        return Image.fromarray(np.asarray(image).astype(np.uint16))
    if image.mode in _MULTIPLIED:
        image = image.convert(_MULTIPLIED[image.mode])
    return image if image.mode == mode else image.convert(mode)


def _check_whole(prepared: _Prepared) -> None:
    found = prepared.tiff
    if found is None:
        check_whole(prepared.value)
    elif found.compression == tiff.JPEG_PACKED:
        check_jpeg_strips(prepared.value, found.parts, found.tables, found.part_size)
