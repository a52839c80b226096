"""A folder of pictures, those in sub-folders too, in the natural order of their names."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.pictures import GREY, converted, orientation_in, turned, turned_size
from monitor.datasets.source import natural
from monitor.datasets.watching import Advance, ignored
from monitor.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
DEEP: Final = "I;16"
"""Pillow's mode for 16 bits of grey."""
_DEEP: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_TOO_DEEP: Final = frozenset({"I", "F"})
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Form:
    """What all pictures become. mode: L, RGB, RGBA, or I;16 for 16 bits of grey. resized: pictures
    of other sizes are brought to this one."""

    width: int
    height: int
    mode: str
    resized: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one picture's pixels: (H, W) or (H, W, C)."""
        channels = {"RGB": (3,), "RGBA": (4,)}.get(self.mode, ())
        return (self.height, self.width, *channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its pixels."""
        return np.dtype(np.uint16 if self.mode == DEEP else np.uint8)


def files(folder: Path) -> tuple[list[Path], str]:
    """The pictures, and what was left out, for people, or "".

    Hidden files and folders are left out without a word. Raises DataError if there is no picture.
    """
    seen = [path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)]
    found = [path for path in seen if path.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"{folder}: there are no pictures ({', '.join(SUFFIXES)}) in this folder")
    found.sort(key=lambda path: natural(path.relative_to(folder).as_posix()))
    others = Counter(
        path.suffix or path.name for path in seen if path.suffix.lower() not in SUFFIXES
    )
    if not others:
        return found, ""
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(_SHOWN))
    return found, f"left out: {others.total()} files that are no pictures ({kinds})"


def any_in(folder: Path) -> bool:
    """Whether there is a picture in a folder or below."""
    return any(
        path.suffix.lower() in SUFFIXES and not _hidden(path, folder) for path in folder.rglob("*")
    )


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def form_of(
    paths: Sequence[Path],
    mode: str | None = None,
    size: tuple[int, int] | None = None,
    advance: Advance = ignored,
) -> Form:
    """The form of pictures, at least one; transparency is dropped.

    mode: that of a model, or None for what the pictures are: RGB if any has colours. size: width
    and height to bring them to, or None if they have one. advance: is told how many were looked at.
    Raises DataError, which names the file,
    for one that is damaged, or of another size or depth.
    """
    headers = list[tuple[tuple[int, int], str]]()
    for path in paths:
        headers.append(_header(path))
        advance(1)
    first = headers[0][0]
    for path, (other, _) in zip(paths, headers, strict=True):
        if other != first and size is None:
            raise DataError(
                f"{path}: {other[0]} x {other[1]} pixels, but {paths[0].name} has {first[0]} x"
                f" {first[1]}. Bring all pictures to one size, for example with --resize"
                f" {first[0]}x{first[1]}"
            )
    width, height = size or first
    return Form(width, height, mode or _mode(paths, headers), size is not None)


def _mode(paths: Sequence[Path], headers: Sequence[tuple[tuple[int, int], str]]) -> str:
    deep = [kind in _DEEP for _, kind in headers]
    if any(deep):
        if not all(deep):
            raise DataError(
                f"{paths[deep.index(False)]}: 8 bits a channel, but {paths[deep.index(True)].name}"
                " has 16. Save all pictures in one depth"
            )
        return DEEP
    return "L" if all(kind in GREY for _, kind in headers) else "RGB"


def read(paths: Sequence[Path], form: Form) -> NDArray[Any]:
    """Pixels (n, *form.shape), upright. Raises DataError, which names the file, for a damaged one
    or one whose depth is not the form's."""
    pixels = np.empty((len(paths), *form.shape), dtype=form.dtype)
    for row, path in enumerate(paths):
        with _open(path) as image:
            if (image.mode in _DEEP) != (form.mode == DEEP):
                expected = "16 bits" if form.mode == DEEP else "8 bits"
                raise DataError(f"{path}: {expected} a channel expected. Convert it")
            if form.resized:
                image.draft(form.mode, (2 * form.width, 2 * form.height))
            seen = turned(image, orientation_in(image))
            if form.mode != DEEP:
                seen = converted(seen, form.mode)
            if form.resized and seen.size != (form.width, form.height):
                seen = seen.resize((form.width, form.height), Image.Resampling.BOX)
            pixels[row] = np.asarray(seen, dtype=form.dtype)
    return pixels


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """Size and mode, read without decoding the picture."""
    with _open(path) as image:
        deep_colour = image.format == "PNG" and image.mode not in _DEEP and _png_depth(path) > 8
        if image.mode in _TOO_DEEP or deep_colour:
            raise DataError(
                f"{path}: 8 bits a channel expected (or 16 of grey), got more. Convert it, or save"
                " the pictures as one array in a .npy file"
            )
        if getattr(image, "n_frames", 1) != 1:
            raise DataError(f"{path}: it holds several pictures. Save each as a file of its own")
        return turned_size(image.size, orientation_in(image)), image.mode


def _png_depth(path: Path) -> int:
    """Bits a channel. Pillow cuts pictures in colour from 16 to 8 without a word."""
    with path.open("rb") as file:
        return file.read(25)[24]


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Damaged EXIF is no reason to refuse a picture; a size that cannot be honest is one.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                yield image
    except DataError:
        raise
    except (
        OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError,
        OverflowError, Warning, Image.DecompressionBombError,
    ) as error:  # fmt: skip  # whatever Pillow's parsers raise on damaged files
        raise DataError(f"{path}: cannot be read as a picture: {error}") from None
