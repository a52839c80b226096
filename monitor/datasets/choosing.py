"""Which records are taken: those that `--where` chooses, and of these at most so many (tables)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.datasets import cells
from monitor.datasets.request import Reading
from monitor.datasets.selection import Selection, labels, thinned
from monitor.datasets.table import Table


def of_table(table: Table, reading: Reading) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Rows (ascending), None for all, and the columns that chose them."""
    where = None if reading.where is None else Selection.parse(reading.where)
    used: tuple[str, ...] = ()
    if where is None:
        rows = None
    elif where.key in table.types:
        found = _column(table, where.key)
        rows, used = where.rows(found, len(found)), (where.key,)
    else:
        rows = where.rows(labels(where, list(table.types)), _count(table))
    if reading.max_records:
        rows = np.arange(_count(table), dtype=np.int64) if rows is None else rows
        rows = thinned(rows, reading, table.source)
    return rows, used


def _count(table: Table) -> int:
    return sum(block.rows for block in table.read(list(table.types)[:1]))


def _column(table: Table, name: str) -> NDArray[Any]:
    """The cells of a column as numbers, or else as texts."""
    parts = [cells.plain(block.columns[name]) for block in table.read([name])]
    whole = pa.concat_arrays(parts) if parts else pa.array([], pa.float64())
    found = cells.numbers(whole, table.decimal)
    if not found.bad.any() and not found.missing.any():
        return found.values
    return np.array(cells.texts(whole).fill_null("").to_pylist(), dtype=np.str_)
