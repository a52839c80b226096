"""Cells to records: rows of numbers in the order of a schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.schema import Feature
from monitor.datasets import cells
from monitor.datasets.profile import taken
from monitor.datasets.table import Block
from monitor.errors import DataError

CODES: Final = np.dtype(np.float32)
"""Least type of records in which every category and NaN have a place."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a feature, or a list's features one after another, come from.

    width: numbers in a cell, 0 if it is no list. feature: the first one.
    """

    column: str
    feature: Feature
    width: int = 0


@dataclass(slots=True)
class Tally:
    """What was met on the way. unseen: values that training had not seen, by category. skipped:
    records left out for missing values."""

    unseen: dict[str, int] = field(default_factory=dict)
    skipped: int = 0


class Converter:
    """Makes records of blocks. dtype: of all records, None for the least that holds a block.
    skip: leave out records that lack a value that may not be missing."""

    def __init__(
        self,
        fields: Sequence[Taken],
        decimal: str,
        dtype: np.dtype[Any] | None = None,
        skip: bool = False,
    ) -> None:
        self._fields, self._decimal, self._dtype, self._skip = fields, decimal, dtype, skip
        self.tally = Tally()

    def records(
        self, block: Block, rows: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Records (n, d), and which of the rows they are; raises DataError for a faulty cell."""
        columns, lacking = [], np.zeros(rows.size, dtype=np.bool_)
        for each in self._fields:
            values, missing = self._column(each, block, rows)
            if missing.any() and not self._skip:
                raise self._fault(each, block, rows, missing, "a value is missing")
            lacking |= missing
            columns.append(values)
        dtype = self._dtype or np.result_type(*columns)
        widths = [max(1, each.width) for each in self._fields]
        records = np.empty((rows.size, sum(widths)), dtype=dtype)
        for stop, width, values in zip(np.cumsum(widths), widths, columns, strict=True):
            records[:, stop - width : stop] = values.reshape(rows.size, width)
        if not lacking.any():
            return records, rows
        self.tally.skipped += int(lacking.sum())
        return records[~lacking], rows[~lacking]

    def _column(
        self, each: Taken, block: Block, rows: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values, and where one is missing that may not be."""
        column = taken(block.columns[each.column], rows)
        if each.width:
            return self._vectors(each, column, block, rows)
        if each.feature.kind == "category":
            values, missing = self._codes(each.feature, column)
        else:
            read = cells.truths if each.feature.kind == "boolean" else cells.numbers
            found = read(column, self._decimal)
            self._require(each, found.bad, column, block, rows)
            values, missing = found.values, found.missing
        if each.feature.missing:
            values = np.where(missing, np.nan, values.astype(np.result_type(values, CODES)))
            missing = np.zeros_like(missing)
        return values, missing

    def _codes(self, feature: Feature, column: pa.Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        words = cells.texts(column)
        missing = np.asarray(words.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
        found = pc.index_in(words, value_set=pa.array(feature.categories, pa.string()))
        codes = np.asarray(found.fill_null(len(feature.categories)).to_numpy(zero_copy_only=False))
        unseen = int(((codes == len(feature.categories)) & ~missing).sum())
        if unseen:
            self.tally.unseen[feature.name] = self.tally.unseen.get(feature.name, 0) + unseen
        return codes.astype(CODES), missing

    def _vectors(
        self, each: Taken, column: pa.Array, block: Block, rows: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        column = cells.plain(column)
        lengths = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
        wrong = lengths != each.width
        if wrong.any():
            what = f"a list of {each.width} numbers expected, got {lengths[wrong][0]}"
            raise self._fault(each, block, rows, wrong, what)
        found = cells.numbers(column.flatten(), self._decimal)
        shape = (rows.size, each.width)
        bad, missing = (
            np.asarray(where.reshape(shape).any(axis=1), dtype=np.bool_)
            for where in (found.bad, found.missing)
        )
        if bad.any():
            raise self._fault(each, block, rows, bad, "not a finite number in the list")
        return found.values.reshape(shape), missing

    def _require(
        self,
        each: Taken,
        bad: NDArray[np.bool_],
        column: pa.Array,
        block: Block,
        rows: NDArray[np.int64],
    ) -> None:
        if bad.any():
            text = str(column[int(np.flatnonzero(bad)[0])].as_py())[:40]
            wanted = "true or false" if each.feature.kind == "boolean" else "a finite number"
            raise self._fault(each, block, rows, bad, f"{text!r} is not {wanted}")

    @staticmethod
    def _fault(
        each: Taken, block: Block, rows: NDArray[np.int64], where: NDArray[np.bool_], what: str
    ) -> DataError:
        place = block.place(int(rows[np.flatnonzero(where)[0]]))
        advice = "--missing skip leaves such records out"
        if what != "a value is missing":
            advice = "Put it right, or remove the record or the column"
        return DataError(f"{place}, column {each.column!r}: {what}. {advice}")
