"""Records from files: arrays, tables, or folders of pictures.

What is at fault is named, with its file, and what to do. Nothing pickled is ever read. `load` and
`blocks` read what is there, `learning.read` also says what it is, `fitting` takes it as a model
wants it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from monitor.datasets import array_data, parts, places
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import PLAIN, Reading
from monitor.errors import DataError

__all__ = ["Dataset", "Reading", "blocks", "load"]

Paths = str | Sequence[str]


def load(paths: Paths, where: str | None = None, reading: Reading = PLAIN) -> Dataset:
    """Records of files or folders, those that `where` chooses; raises DataError.

    paths: arrays (.npy, .npz or .npz:KEY), tables (.csv, .tsv, .csv.gz, .parquet, .arrow,
    .feather, a folder or pattern of them, - for standard input, an address), or folders of
    pictures. where: KEY=VALUE, or != and several values with commas; KEY is a column of the same
    table (which is then no feature), an array of the same .npz file, or an array file with one
    label a record.
    """
    return parts.joined(blocks(paths, where, reading))


def blocks(paths: Paths, where: str | None = None, reading: Reading = PLAIN) -> Iterator[Dataset]:
    """The same in parts, at least one: only a part of a table or folder is in memory at a time.

    An array in a .npy file is mapped and not cut. A fault is told when its part is reached.
    """
    reading = reading if where is None else replace(reading, where=where)
    named = listed(paths)
    kind = kind_of(named)
    if kind == "table":
        from monitor.datasets import learning

        yield from learning.table_blocks(named, reading)
    elif kind == "pictures":
        from monitor.datasets import picture_data

        yield from picture_data.blocks(named, reading)
    else:
        yield from array_data.blocks(named, reading)


def listed(paths: Paths) -> list[str]:
    """The paths, patterns replaced by the files that fit."""
    return places.expanded([paths] if isinstance(paths, str) else list(paths))


def kind_of(paths: Sequence[str]) -> str:
    """array, table or pictures; DataError if the paths differ in that, or are none of it."""
    kinds = {path: _kind(path) for path in paths}
    if len(set(kinds.values())) > 1:
        named = ", ".join(f"{path} ({kind})" for path, kind in list(kinds.items())[:4])
        raise DataError(f"{named}: give data of one kind at a time")
    return next(iter(kinds.values()))


def _kind(path: str) -> str:
    if places.is_array(path):
        return "array"
    if not Path(path).is_dir():
        return "table"
    from monitor.datasets import image_folder

    tables, pictures = places.table_files(Path(path)), image_folder.any_in(Path(path))
    if tables and pictures:
        raise DataError(f"{path}: both tables ({tables[0]}) and pictures. Name what you mean")
    return "table" if tables else "pictures"
