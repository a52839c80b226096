"""Parquet files with columns of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from monitor.datasets.table import Block, Column, Table
from monitor.errors import DataError

ROWS = 8192
"""In memory at a time."""
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""pandas writes its row numbers as a column of this name: they are no feature."""


def read(path: Path) -> Table:
    """The table of a Parquet file; raises DataError if it is not one, also while it is read."""
    try:
        schema = pyarrow.parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    names = tuple(name for name in schema.names if not _PANDAS_INDEX.fullmatch(name))

    def blocks(positions: Sequence[int]) -> Iterator[Block]:
        start = 0
        for cells in _batches(path, [names[position] for position in positions]):
            yield Block(start, cells.num_rows, column(cells, start))
            start += cells.num_rows

    def column(cells: pa.RecordBatch, first: int) -> Column:
        def numbers(position: int, rows: NDArray[np.int64]) -> NDArray[Any]:
            name = names[position]
            return _numbers(cells.column(name), rows, f"{path}: column {name!r}", first)

        return numbers

    def labels(position: int) -> NDArray[Any]:
        parts = [part.column(0) for part in _batches(path, [names[position]])]
        cells = pa.chunked_array(parts, schema.field(names[position]).type)
        if _is_numeric(cells.type):
            return np.asarray(cells.to_numpy())
        return np.array([str(cell) for cell in cells.to_pylist()], dtype=np.str_)

    return Table(str(path), names, len(names), blocks, labels)


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as Parquet: {error}")


def _is_numeric(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _numbers(cells: pa.Array, rows: NDArray[np.int64], source: str, first: int) -> NDArray[Any]:
    """first: position of the first of the cells in the file."""
    if pa.types.is_decimal(cells.type):
        cells = cells.cast(pa.float64())
    if not _is_numeric(cells.type):
        raise DataError(
            f"{source}: numbers expected, got {cells.type}. Remove the column, or turn it into"
            " numbers"
        )
    chosen = cells if rows.size == len(cells) else cells.take(pa.array(rows))
    if chosen.null_count:
        row = int(rows[chosen.is_null().index(True).as_py()])
        raise _bad_cell(source, first + row, "the value is missing")
    values: NDArray[Any] = chosen.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise _bad_cell(source, first + int(rows[bad]), f"{values[bad]} is not a finite number")
    return values


def _bad_cell(source: str, row: int, what: str) -> DataError:
    return DataError(
        f"{source}, row {row} (counting from 0): {what}. Fill it in, or remove the row"
    )
