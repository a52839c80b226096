"""Where a picture of a context has its records and the cells of its table, from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from models.context import CELLS, DAY_CELLS, cells_of
from models.context_column import ContextColumn

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_NAMED: Final = 12
"""Values of a column that have their names below them, at most: every second one, or third."""
_TEXT: Final = 40
"""Characters of a name."""


@dataclass(frozen=True, eq=False)
class Places:
    """records: (n,), nan for one that is nowhere. cells: (k,), of the first k of the table. label,
    ends: of the axis. ticks, names: of what is marked on it, and in words; None for round numbers.
    apart: cells have nothing between them."""

    records: Floats
    cells: Floats
    label: str
    ends: tuple[float, float]
    ticks: Floats | None = None
    names: tuple[str, ...] | None = None
    apart: bool = False

    @classmethod
    def of(cls, at: Index | Floats, size: int, column: ContextColumn | None) -> Self:
        """Of records: `at` as of `context.places`. size: cells of the table, of a day or a week."""
        if column is None:
            hours = DAY_CELLS / 12 if size == DAY_CELLS else CELLS / 12
            cells = np.arange(size) * 168 / CELLS
            records = cells_of(at.astype(np.int64)) * 168 / CELLS % hours
            ticks = np.linspace(0, hours, 9)
            return cls(records, cells, "hour (UTC)", (0.0, hours), ticks)
        label = printable(column.feature.name)
        if column.few:
            place = column.cells(at.astype(np.float64))
            cells = np.arange(column.size, dtype=np.float64)
            texts = [column.feature.text(float(value)) for value in column.values]
            names = tuple(map(printable, [*texts, *["missing"] * column.missing]))
            ends = (-0.5, column.size - 0.5)
            records = np.where(place < 0, np.nan, place.astype(np.float64))
            some = slice(None, None, -(-column.size // _NAMED))
            return cls(records, cells, label, ends, cells[some], names[some], apart=True)
        ends = (float(column.values[0]), float(column.values[-1]))
        return cls(at.astype(np.float64), column.middle, label, ends)

    def line(self, style: str) -> dict[str, Any]:
        """How what is usual is drawn. style: of a line."""
        if not self.apart:
            return {"linestyle": style}
        width = min(24.0, 300 / self.cells.size) * (1.0 if style == "-" else 0.4)
        return {"linestyle": "none", "marker": "_", "markersize": width}

    def put_on(self, axes: Axes) -> None:
        """Ticks and ends."""
        axes.set_xlim(*self.ends)
        if self.ticks is not None and self.names is not None:
            axes.set_xticks(self.ticks, self.names, parse_math=False)
        elif self.ticks is not None:
            axes.set_xticks(self.ticks)


def printable(name: str) -> str:
    """A name as it may stand in a picture."""
    return "".join(c if c.isprintable() else "?" for c in name)[:_TEXT]
