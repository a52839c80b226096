"""Parquet files with columns of numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from monitor.datasets.table import Table
from monitor.errors import DataError

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""pandas writes its row numbers as a column of this name: they are no feature."""


def read(path: Path) -> Table:
    """The table of a Parquet file; raises DataError if it is not one."""
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {error}") from None
    table = table.select(
        [i for i, name in enumerate(table.column_names) if not _PANDAS_INDEX.fullmatch(name)]
    )
    names = tuple(table.column_names)

    def column(position: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        source = f"{path}: column {names[position]!r}"
        return _numbers(table.column(position), rows, source)

    def labels(position: int) -> NDArray[Any]:
        cells = table.column(position)
        if _is_numeric(cells.type):
            return np.asarray(cells.to_numpy())
        return np.array([str(cell) for cell in cells.to_pylist()], dtype=np.str_)

    return Table(str(path), names, len(names), table.num_rows, column, labels)


def _is_numeric(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _numbers(cells: pa.ChunkedArray, rows: NDArray[np.int64], source: str) -> NDArray[Any]:
    if pa.types.is_decimal(cells.type):
        cells = cells.cast(pa.float64())
    if not _is_numeric(cells.type):
        raise DataError(
            f"{source}: numbers expected, got {cells.type}. Remove the column, or turn it into"
            " numbers"
        )
    chosen = cells.take(pa.array(rows))
    if chosen.null_count:
        row = int(rows[chosen.is_null().index(True).as_py()])
        raise _bad_cell(source, row, "the value is missing")
    values: NDArray[Any] = chosen.to_numpy()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise _bad_cell(source, int(rows[first]), f"{values[first]} is not a finite number")
    return values


def _bad_cell(source: str, row: int, what: str) -> DataError:
    return DataError(
        f"{source}, row {row} (counting from 0): {what}. Fill it in, or remove the row"
    )
