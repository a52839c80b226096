"""Columns of numbers under names: what CSV and Parquet files have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.datasets.dataset import Dataset
from monitor.datasets.selection import Selection
from monitor.errors import DataError


@dataclass(frozen=True)
class Table:
    """A file's columns, not yet converted.

    features: their names, or () if the file has none. column: the numbers of one column, by
    position, at some rows; raises DataError for a cell that is none. labels: the cells of one
    column, numbers or texts.
    """

    source: str
    features: tuple[str, ...]
    columns: int
    rows: int
    column: Callable[[int, NDArray[np.int64]], NDArray[Any]]
    labels: Callable[[int], NDArray[Any]]

    def dataset(self, where: Selection | None, labels: NDArray[Any] | None) -> Dataset:
        """The chosen rows as vectors. labels: from another file; None for a column of this one."""
        kept = list(range(self.columns))
        if where is not None and labels is None:
            label = self._position(where.key)
            kept.remove(label)
            labels = self.labels(label)
        rows = np.arange(self.rows, dtype=np.int64)
        if where is not None and labels is not None:
            rows = where.rows(labels, self.rows)
        if not kept or not len(rows):
            raise DataError(f"{self.source}: there are no records. Give at least one of one number")
        records = _joined([self.column(position, rows) for position in kept])
        features = tuple(self.features[position] for position in kept) if self.features else ()
        return Dataset(records, features, (), rows)

    def has(self, key: str) -> bool:
        """Whether a column has this name, or this position if columns have no names."""
        return key in (self.features or map(str, range(self.columns)))

    def _position(self, key: str) -> int:
        return self.features.index(key) if self.features else int(key)


def _joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    dtype = np.result_type(*columns)
    records = np.empty((len(columns[0]), len(columns)), dtype=dtype)
    for position, column in enumerate(columns):
        records[:, position] = column
    return records
