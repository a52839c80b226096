"""A folder of pictures, those in sub-folders too, in the natural order of their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.datasets.source import natural
from monitor.datasets.watching import Advance, ignored
from monitor.errors import DataError, DecodeError
from monitor.pictures import reading
from monitor.pictures.form import DEEP, Form

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_SHOWN: Final = 4
_ADVICE: Final = {
    "undecodable": ". Replace it, or take it out of the folder",
    "wrong_dtype": ". Convert it, or save the pictures as one array in a .npy file",
    "wrong_shape": ". Save each as a file of its own",
    "oversized": ". Make it smaller",
}
"""What to do, by the reason for which a picture is refused."""


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
    Raises DataError, which names the first such file and says how many more there are, for those
    that are damaged, or of another size or depth.
    """
    headers = list[reading.Header]()
    refused = list[DataError]()
    for path in paths:
        try:
            headers.append(_header(path))
        except DataError as error:
            refused.append(error)
        advance(1)
    if refused:
        raise DataError(f"{refused[0]}{_more(len(refused), len(paths))}")
    first = headers[0].size
    others = [path for path, found in zip(paths, headers, strict=True) if found.size != first]
    if others and size is None:
        width, height = headers[paths.index(others[0])].size
        raise DataError(
            f"{others[0]}: {width} x {height} pixels, but {paths[0].name} has {first[0]} x"
            f" {first[1]}{_more(len(others), len(paths))}. Bring all pictures to one size, for"
            f" example with --resize {first[0]}x{first[1]}"
        )
    width, height = size or first
    return Form(width, height, mode or _mode(paths, headers), size is not None)


def _more(count: int, of: int) -> str:
    """How many pictures share the fault that the first one shows."""
    return f" ({count:,} of {of:,} pictures are like that)" if count > 1 else ""


def _mode(paths: Sequence[Path], headers: Sequence[reading.Header]) -> str:
    deep = [found.deep for found in headers]
    if any(deep):
        if not all(deep):
            raise DataError(
                f"{paths[deep.index(False)]}: 8 bits a channel, but {paths[deep.index(True)].name}"
                " has 16. Save all pictures in one depth"
            )
        return DEEP
    return "L" if all(found.grey for found in headers) else "RGB"


def read(paths: Sequence[Path], form: Form) -> NDArray[Any]:
    """Pixels (n, *form.shape), upright. Raises DataError, which names the file, for a damaged one
    or one whose depth is not the form's."""
    pixels = np.empty((len(paths), *form.shape), dtype=form.dtype)
    for row, path in enumerate(paths):
        try:
            pixels[row] = reading.pixels(_bytes(path), form)
        except DecodeError as error:
            raise _told(path, error) from None
    return pixels


def _header(path: Path) -> reading.Header:
    try:
        return reading.header(_bytes(path))
    except DecodeError as error:
        raise _told(path, error) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _told(path: Path, error: DecodeError) -> DataError:
    """The error of one picture with its file, and what to do."""
    if error.reason == "undecodable":
        return DataError(f"{path}: cannot be read as a picture: {error}{_ADVICE[error.reason]}")
    return DataError(f"{path}: {error}{_ADVICE[error.reason]}")
