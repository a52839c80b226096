"""Columns of numbers under names: what CSV and Parquet files have in common.

A file is read in blocks of rows, and only a block is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.datasets.dataset import Dataset
from monitor.datasets.selection import Selection
from monitor.errors import DataError

Column = Callable[[int, NDArray[np.int64]], NDArray[Any]]
"""The numbers of one column, by position in the table, at some rows of a block; raises DataError
for a cell that is none."""


@dataclass(frozen=True)
class Block:
    """Some rows of a table, not yet converted. first: position of the first in the file."""

    first: int
    rows: int
    column: Column


@dataclass(frozen=True)
class Table:
    """A file's columns.

    features: their names, or () if the file has none. blocks: the rows, with these columns only,
    from the beginning at each call. labels: the cells of one column, numbers or texts.
    """

    source: str
    features: tuple[str, ...]
    columns: int
    blocks: Callable[[Sequence[int]], Iterator[Block]]
    labels: Callable[[int], NDArray[Any]]

    def parts(self, where: Selection | None, labels: NDArray[Any] | None) -> Iterator[Dataset]:
        """The chosen rows as vectors, block by block; raises DataError if there are none.

        labels: from another file; None for a column of this one.
        """
        kept = list(range(self.columns))
        if where is not None and labels is None:
            label = self._position(where.key)
            kept.remove(label)
            labels = self.labels(label)
            chosen = where.rows(labels, len(labels))
        elif where is not None and labels is not None:
            chosen = where.rows(labels, sum(block.rows for block in self.blocks([0])))
        if not kept:
            raise self._nothing()
        features = tuple(self.features[position] for position in kept) if self.features else ()
        some = False
        for block in self.blocks(kept):
            rows = np.arange(block.first, block.first + block.rows, dtype=np.int64)
            if where is not None:
                ends = np.searchsorted(chosen, [block.first, block.first + block.rows])
                rows = chosen[slice(*ends)]
            if rows.size:
                some = True
                columns = [block.column(position, rows - block.first) for position in kept]
                yield Dataset(_joined(columns), features, (), rows)
        if not some:
            raise self._nothing()

    def _nothing(self) -> DataError:
        return DataError(f"{self.source}: there are no records. Give at least one of one number")

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
