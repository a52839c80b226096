"""A folder of pictures of one size, in the order of their names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_GREY: Final = frozenset({"1", "L", "LA"})
_DEEP: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


def files(folder: Path) -> list[Path]:
    """The pictures in a folder, by name; hidden files and other suffixes are left out."""
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise DataError(f"{folder}: there are no pictures ({', '.join(SUFFIXES)}) in this folder")
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """What all pictures of a folder become. mode: L, or RGB if any has colours."""

    width: int
    height: int
    mode: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one picture's pixels: (H, W) or (H, W, 3)."""
        return (self.height, self.width) + ((3,) if self.mode == "RGB" else ())


def form_of(paths: Sequence[Path]) -> Form:
    """The form of pictures, at least one; transparency is dropped.

    Raises DataError, which names the file, for one that is damaged or of another size.
    """
    headers = [_header(path) for path in paths]
    size = headers[0][0]
    for path, (other, _) in zip(paths, headers, strict=True):
        if other != size:
            raise DataError(
                f"{path}: {other[0]} x {other[1]} pixels, but {paths[0].name} has {size[0]} x"
                f" {size[1]}. Bring all pictures to one size"
            )
    return Form(*size, "L" if all(kind in _GREY for _, kind in headers) else "RGB")


def read(paths: Sequence[Path], form: Form) -> NDArray[np.uint8]:
    """Pixels (n, *form.shape). Raises DataError, which names the file, for a damaged one."""
    pixels = np.empty((len(paths), *form.shape), dtype=np.uint8)
    for row, path in enumerate(paths):
        with _open(path) as image:
            pixels[row] = np.asarray(image.convert(form.mode), dtype=np.uint8)
    return pixels


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """Size and mode, read without decoding the picture."""
    with _open(path) as image:
        if image.mode in _DEEP or (image.format == "PNG" and _png_depth(path) > 8):
            raise DataError(
                f"{path}: 8 bits a channel expected, got more. Convert it, or save the pictures"
                " as one array in a .npy file"
            )
        if getattr(image, "n_frames", 1) != 1:
            raise DataError(f"{path}: it holds several pictures. Save each as a file of its own")
        return image.size, image.mode


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
    except (
        OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError,
        OverflowError, Warning, Image.DecompressionBombError,
    ) as error:  # fmt: skip  # whatever Pillow's parsers raise on damaged files
        raise DataError(f"{path}: cannot be read as a picture: {error}") from None
