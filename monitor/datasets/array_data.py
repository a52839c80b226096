"""Records in arrays, one file after another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.schema import Schema
from monitor.datasets import arrays
from monitor.datasets.dataset import Dataset, check_finite, check_form
from monitor.datasets.request import Reading
from monitor.datasets.selection import Selection, labels, thinned
from monitor.datasets.watching import RECORDS
from monitor.errors import DataError

_BLOCK: Final = 1 << 22
"""Numbers looked at at a time."""


def blocks(paths: Sequence[str], reading: Reading) -> Iterator[Dataset]:
    """Each array as a part; they must have records of one shape."""
    found, lengths = zip(*(_array(path, reading) for path in paths), strict=True)
    shape = found[0].records.shape[1:]
    for path, data in zip(paths, found, strict=True):
        if data.records.shape[1:] != shape:
            raise DataError(
                f"{path}: records of shape {data.records.shape[1:]}, but those of {paths[0]} have"
                f" {shape}"
            )
    total = sum(len(data.records) for data in found)
    kept = thinned(np.arange(total, dtype=np.int64), reading, paths[0])
    start, before = 0, 0
    for data, length in zip(found, lengths, strict=True):
        count = len(data.records)
        rows = kept[(kept >= start) & (kept < start + count)] - start
        if rows.size:
            whole = rows.size == count
            records = data.records if whole else data.records[rows]
            index = data.index if whole else data.index[rows]
            yield replace(data, records=records, index=index + before)
        start, before = start + count, before + length


def _array(path: str, reading: Reading) -> tuple[Dataset, int]:
    """The chosen records, and how many there are in the file."""
    file, key = Path(path), None
    if not file.exists() and ".npz:" in path.lower():
        name, _, key = path.rpartition(":")
        file = Path(name)
    if not file.exists():
        raise DataError(f"{file}: there is no such file or folder")
    # A mapped file is read when its values are looked at, an archive at once.
    with reading.watch(f"reading {path}", None, RECORDS):
        records = arrays.read(file, key)
    # A scalar has no length, and is named as what it is before anything is chosen from it.
    check_form(records, path)
    rows = np.arange(len(records), dtype=np.int64)
    if reading.where is not None:
        where = Selection.parse(reading.where)
        same_file = file.suffix.lower() == ".npz" and where.key in arrays.keys(file)
        found = arrays.read(file, where.key) if same_file else labels(where)
        rows = where.rows(found, len(records))
    chosen = records if rows.size == len(records) else records[rows]
    check_form(chosen, path)
    if reading.missing == "indicate":
        raise DataError(
            f"{path}: an array has no names, which --missing indicate needs. Say --missing skip,"
            " or give a table"
        )
    if reading.missing == "skip":
        chosen, rows = _complete(chosen, rows, path, reading)
    data = Dataset(chosen, Schema(), (), rows)
    with reading.watch(f"reading {path}", len(chosen), RECORDS) as advance:
        check_finite(data, path, advance)
    return data, len(records)


def _complete(
    records: NDArray[Any], rows: NDArray[np.int64], path: str, reading: Reading
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The records without NaN, and their rows."""
    if records.dtype.kind != "f":
        return records, rows
    size = max(1, _BLOCK // max(1, math.prod(records.shape[1:])))
    axes = tuple(range(1, records.ndim))
    kept = np.empty(len(records), dtype=np.bool_)
    with reading.watch(f"looking for gaps in {path}", len(records), RECORDS) as advance:
        for start in range(0, len(records), size):
            block = records[start : start + size]
            kept[start : start + size] = ~np.isnan(block).any(axis=axes)
            advance(len(block))
    if kept.all():
        return records, rows
    if not kept.any():
        raise DataError(f"{path}: every record lacks a value. Give at least one that is whole")
    reading.say(f"{path}: left out: {int((~kept).sum()):,} records that lack a value")
    return records[kept], rows[kept]
