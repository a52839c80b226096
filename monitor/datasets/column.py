"""Column: what the cells of one column are, seen block by block in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.datasets import cells, csv_values
from monitor.datasets.table import Block
from monitor.errors import DataError

Kind = Literal[
    "number", "boolean", "category", "time", "text", "mixed", "marked", "empty", "nested"
]
DISTINCT: Final = 4096
"""Values of a column that a file declares to be a category, at most."""
FEW: Final = 256
"""Values of any other column that are remembered; with more it is no category."""
EACH: Final = 2
"""How often they occur on average, at least."""
_EXAMPLES: Final = 50
"""Cells that are no numbers which are remembered, to see whether they have marks."""
_NUMERIC: Final = 0.5
"""Share of numbers from which on other cells are faults."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What a column holds.

    kind: mixed is numbers with faults, marked what may be numbers with units or marks of
    thousands, nested what has parts of its own. low, high: of numbers.
    whole: they are whole ones. rising: every one is above the one before. distinct: how many
    values, None if they are too many to remember. values: of a category, sorted. width: numbers
    in a cell, 0 if that is no list. bad: the first faulty cell and its place. dtype: of numbers.
    """

    name: str
    kind: Kind
    type: str
    rows: int
    missing: int
    low: float = np.nan
    high: float = np.nan
    whole: bool = False
    rising: bool = False
    distinct: int | None = None
    values: tuple[str, ...] = ()
    width: int = 0
    bad: str = ""
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))

    @property
    def constant(self) -> bool:
        """Whether it has one value only."""
        return self.distinct == 1 or (self.kind == "number" and self.low == self.high)

    @property
    def share_missing(self) -> float:
        """From 0 to 1."""
        return self.missing / max(1, self.rows)


@dataclass
class Seen:
    """Of one column so far."""

    rows: int = 0
    missing: int = 0
    bad: int = 0
    where: str = ""
    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    rising: bool = True
    last: float = -np.inf
    distinct: set[Any] | None = field(default_factory=set)
    times: bool = True
    others: list[str] = field(default_factory=list)
    width: int | None = None
    dtype: np.dtype[Any] | None = None
    declared: bool = False

    def add(self, column: pa.Array, decimal: str, block: Block, rows: NDArray[np.int64]) -> None:
        """Count more cells. rows: where they are in the block."""
        self.rows += len(column)
        self.declared = self.declared or pa.types.is_dictionary(column.type)
        column = cells.plain(column)
        if is_vectors(column.type):
            column = self._flat(column, block, rows)
        found = cells.numbers(column, decimal)
        self.missing += int(found.missing.sum())
        bad = np.flatnonzero(found.bad)
        if bad.size and not self.bad:
            at = int(bad[0]) // (self.width or 1)
            text = str(column[int(bad[0])].as_py())[:40]
            self.where = f"{block.place(int(rows[at]))}: {text!r}"
        self.bad += bad.size
        if cells.is_text(column.type):
            self.others += [str(column[int(i)]) for i in bad[: _EXAMPLES - len(self.others)]]
        dtype = found.values.dtype
        self.dtype = dtype if self.dtype is None else np.result_type(self.dtype, dtype)
        self._values(found.values[~found.missing & ~found.bad])
        if self.width is None:
            self._texts(column)

    def _flat(self, column: pa.Array, block: Block, rows: NDArray[np.int64]) -> pa.Array:
        lengths = pc.list_value_length(column)
        widths = lengths.drop_null().unique().to_pylist()
        if self.width is None and widths:
            self.width = widths[0]
        if lengths.null_count or not self.width or any(width != self.width for width in widths):
            odd = next(i for i, n in enumerate(lengths.to_pylist()) if not n or n != self.width)
            got, wanted = lengths[odd].as_py(), self.width or "some"
            raise DataError(
                f"{block.place(int(rows[odd]))}: a list of {wanted} numbers expected, got"
                f" {'none' if got is None else got}. All lists of a column must have one length"
            )
        return column.flatten()

    def _values(self, values: NDArray[Any]) -> None:
        if not values.size:
            return
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        if self.whole:
            self.whole = values.dtype.kind != "f" or bool((values == np.floor(values)).all())
        if self.rising:
            steps = np.diff(values.astype(np.float64), prepend=self.last)
            self.rising, self.last = bool((steps > 0).all()), float(values[-1])

    def _texts(self, column: pa.Array) -> None:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            self.distinct = None
            return
        text = cells.is_text(column.type)
        if self.distinct is None and not (text and self.bad and self.times):
            return
        values = cells.texts(column) if text or self.declared else column
        if self.distinct is not None:
            most = DISTINCT if self.declared else FEW
            self.distinct.update(values.unique().drop_null().to_pylist())
            self.distinct = self.distinct if len(self.distinct) <= most else None
        if text and self.bad and self.times:
            self.times = cells.are_times(values)

    def column(self, name: str, kind: pa.DataType) -> Column:
        """What was seen, as one."""
        known = self.rows * (self.width or 1) - self.missing
        found = self._kind(kind, known)
        values: tuple[str, ...] = ()
        if found == "category":
            values = tuple(sorted(self.distinct or ()))
        return Column(
            name, found, str(kind), self.rows, self.missing,
            low=float(self.low), high=float(self.high), whole=self.whole, rising=self.rising,
            distinct=None if self.distinct is None else len(self.distinct), values=values,
            width=self.width or 0, bad=self.where if found in ("mixed", "text", "marked") else "",
            dtype=self.dtype or np.dtype(np.float64),
        )  # fmt: skip

    def _kind(self, kind: pa.DataType, known: int) -> Kind:
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if cells.is_time(kind):
            return "time"
        if known == 0:
            return "empty"
        if pa.types.is_boolean(kind):
            return "boolean"
        if self.declared and self.distinct is not None:
            return "category"
        if not self.bad:
            return "number"
        if not cells.is_text(kind):
            return "mixed" if cells.is_number(kind) or self.width else "nested"
        if {str(value).lower() for value in self.distinct or (None,)} <= set(cells.TRUTH):
            return "boolean"
        if self.times and self.bad == known:
            return "time"
        if known - self.bad >= _NUMERIC * known:
            return "mixed"
        if self.distinct is None or len(self.distinct) * EACH > known:
            return "marked" if csv_values.are_marked(self.others) else "text"
        return "marked" if csv_values.are_marked(self.distinct) else "category"


def is_vectors(kind: pa.DataType) -> bool:
    """Whether a cell is a list of numbers."""
    types = pa.types
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(lists) and cells.is_number(kind.value_type)
