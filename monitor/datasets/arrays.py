"""Arrays in .npy and .npz files. Nothing pickled is ever read."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from monitor.errors import DataError

_UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, IndexError, TypeError, SyntaxError, MemoryError,
    RuntimeError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What numpy raises on damaged files: it evaluates their headers as Python literals."""


def read(path: Path, key: str | None) -> NDArray[Any]:
    """The array of a .npy file, mapped, or one array of a .npz file.

    key: of the array in a .npz; None if it holds only one. Raises DataError.
    """
    return _npz(path, key) if path.suffix.lower() == ".npz" else _npy(path)


def keys(path: Path) -> tuple[str, ...]:
    """Names of the arrays in a .npz file; raises DataError."""
    with _open_npz(path) as archive:
        return tuple(archive.files)


def _npy(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = open_memmap(path, mode="r")
    except _UNREADABLE as error:
        raise _unreadable(path, "a .npy file", error) from None
    return array


def _npz(path: Path, key: str | None) -> NDArray[Any]:
    with _open_npz(path) as archive:
        known = archive.files
        if key is None and len(known) == 1:
            key = known[0]
        if key is None or key not in known:
            fault = f"there is no array {key!r}" if key else f"there are {len(known)} arrays"
            listed = ", ".join(known) or "none"
            raise DataError(f"{path}: {fault}. Choose one with {path}:KEY; the keys are {listed}")
        try:
            array: NDArray[Any] = archive[key]
        except _UNREADABLE as error:
            raise _unreadable(f"{path}:{key}", "an array of numbers", error) from None
        return array


@contextmanager
def _open_npz(path: Path) -> Iterator[NpzFile]:
    """The archive. numpy, given a path, would leave a file that is none open."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, "a .npz file", error) from None
    with file:
        try:
            archive = np.load(file, allow_pickle=False)
        except _UNREADABLE as error:
            raise _unreadable(path, "a .npz file", error) from None
        if not isinstance(archive, NpzFile):
            raise DataError(f"{path}: this is a single array. Rename it to .npy")
        with archive:
            yield archive


def _unreadable(source: Path | str, kind: str, error: Exception) -> DataError:
    if "object" in str(error).lower() or "pickle" in str(error).lower():
        return DataError(
            f"{source}: it holds Python objects, which are never read."
            " Save plain numbers, for example with array.astype('float32')"
        )
    return DataError(f"{source}: cannot be read as {kind}: {error}")
