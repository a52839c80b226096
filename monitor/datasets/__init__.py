"""Records from files: .npy, .npz, .csv, .parquet, or a folder of images.

The first record that is at fault is named, with its file, and what to do. Nothing pickled is
ever read. A file format is one file here and one branch in `load`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.datasets import arrays, parts
from monitor.datasets.dataset import Dataset, check_finite, check_form
from monitor.datasets.selection import Selection
from monitor.errors import DataError

__all__ = ["Dataset", "blocks", "load"]

_ARRAYS: Final = (".npy", ".npz")
_TABLES: Final = (".csv", ".parquet")
_PICTURES: Final = 512
"""Of a folder in memory at a time."""


def load(path: str, where: str | None = None) -> Dataset:
    """Records of a file or folder, those that `where` chooses; raises DataError.

    path: .npy, .npz or .npz:KEY, .csv, .parquet, or a folder of images of one size. where:
    KEY=VALUE, or != and several values with commas; KEY is a column of the same table (which is
    then no feature), an array of the same .npz file, or an array file with one label a record.
    """
    return parts.joined(blocks(path, where))


def blocks(path: str, where: str | None = None) -> Iterator[Dataset]:
    """The same in parts, at least one: only a part of a table or folder is in memory at a time.

    An array in a .npy file is mapped and not cut. A fault is told when its part is reached.
    """
    file, key = _split(path)
    selection = None if where is None else Selection.parse(where)
    if file.is_dir():
        found = _images(file, selection)
    elif file.suffix.lower() in _TABLES:
        found = _table(file, selection)
    else:
        found = iter([_array(file, key, selection, path)])
    for data in found:
        check_form(data.records, path)
        check_finite(data, path)
        yield data


def _split(path: str) -> tuple[Path, str | None]:
    """The file, which exists and has a suffix that is known, and the key in it."""
    file, key = Path(path), None
    if not file.exists() and ".npz:" in path.lower():
        name, _, key = path.rpartition(":")
        file = Path(name)
    if not file.exists():
        raise DataError(f"{file}: there is no such file or folder")
    if not file.is_dir() and file.suffix.lower() not in _ARRAYS + _TABLES:
        known = ", ".join(_ARRAYS + _TABLES)
        raise DataError(f"{path}: not one of {known} or a folder of images")
    return file, key


def _array(file: Path, key: str | None, where: Selection | None, path: str) -> Dataset:
    records = arrays.read(file, key)
    # A scalar has no length, and is named as what it is before anything is chosen from it.
    check_form(records, path)
    if where is None:
        return Dataset(records, (), (), np.arange(len(records), dtype=np.int64))
    same_file = file.suffix.lower() == ".npz" and where.key in arrays.keys(file)
    labels = arrays.read(file, where.key) if same_file else _labels(where)
    rows = where.rows(labels, len(records))
    return Dataset(records[rows], (), (), rows)


def _table(file: Path, where: Selection | None) -> Iterator[Dataset]:
    # pyarrow takes its time to import.
    from monitor.datasets import csv_file, parquet

    read = csv_file.read if file.suffix.lower() == ".csv" else parquet.read
    table = read(file)
    if where is None or table.has(where.key):
        return table.parts(where, None)
    return table.parts(where, _labels(where, table.features))


def _images(folder: Path, where: Selection | None) -> Iterator[Dataset]:
    from monitor.datasets import image_folder

    paths = image_folder.files(folder)
    rows = np.arange(len(paths), dtype=np.int64)
    if where is not None:
        rows = where.rows(_labels(where), len(paths))
    chosen = [paths[row] for row in rows]
    form = image_folder.form_of(chosen)
    for start in range(0, len(chosen), _PICTURES):
        some, index = chosen[start : start + _PICTURES], rows[start : start + _PICTURES]
        yield Dataset(image_folder.read(some, form), (), tuple(path.name for path in some), index)


def _labels(where: Selection, columns: tuple[str, ...] = ()) -> NDArray[Any]:
    """Labels from an array file of their own."""
    name, _, key = where.key.rpartition(":") if ".npz:" in where.key else (where.key, "", None)
    if Path(name).suffix.lower() not in _ARRAYS or not Path(name).is_file():
        known = f"; the columns are {', '.join(columns)}" if columns else ""
        raise DataError(
            f"--where {where.text}: {where.key!r} is neither in the data file nor an array file"
            f" (.npy, or .npz:KEY){known}"
        )
    return arrays.read(Path(name), key)
