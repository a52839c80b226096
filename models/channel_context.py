"""Channel context: what is usual of a channel's values at each time of the day or week, or at each
value of a column.

    v' = v * gain(t) + shift(t)

Two tables in steps of five minutes (UTC), over a day if no channel differs by the day of the week,
or over the cells of a column (`context_column.py`), that were fitted to calibration values
(`channel_context_fit.py`): v' is what v would be at a usual time. The channels' tests judge it in
place of v; what is seen beside it, such as a value that is stuck, is v.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.context import CELLS, COLUMN, DAY_CELLS, places
from models.context_column import ContextColumn

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Values = NDArray[np.float32]

TENSORS: Final = {
    "context_kept": torch.int64,
    "context_gain": torch.float32,
    "context_shift": torch.float32,
    "context_usual": torch.float64,
}
"""Names in the bundle, and their types."""


@dataclass(frozen=True, eq=False)
class ChannelContext:
    """The tables of A channels.

    kept: (A,), which of the channels, ascending. gain, shift: (cells, A), cells being CELLS,
    DAY_CELLS, or those of the column. usual: (A, 2), mean and spread of the calibration values as
    they came. column: None if it is by the time.
    """

    kept: Index
    gain: Values
    shift: Values
    usual: Floats
    column: ContextColumn | None = None

    @property
    def kind(self) -> str:
        """Hour of the day, or of the week: one of `context.KINDS`; or COLUMN."""
        if self.column is not None:
            return COLUMN
        return "week" if len(self.gain) == CELLS else "hour"

    def adjusted(self, values: Values, at: Index | Floats) -> Values:
        """Values (R, C) as at a usual time, and beside them those of the A channels as they came,
        (R, C + A).

        at: of the rows, see `context.places`; where nothing is known, they stay as they are.
        """
        return self.in_cells(values, places(at, self.column))

    def in_cells(self, values: Values, cells: Index) -> Values:
        """The same of rows in these cells, -1 where nothing is known."""
        own = values[:, self.kept]
        made = np.concatenate([values, own], axis=1)
        known = cells >= 0
        cells = cells % len(self.gain)
        if cells.size and known.all() and (cells == cells[0]).all():
            cells = cells[:1]  # a batch is of seconds: one row of the tables, for all
        found = own * self.gain[cells] + self.shift[cells]
        made[:, self.kept] = found if known.all() else np.where(known[:, None], found, own)
        return made

    def of(self, rows: Index) -> Self | None:
        """That of some of the channels, ascending; None if none of them is here."""
        here = np.isin(self.kept, rows)
        if not here.any():
            return None
        kept = np.searchsorted(rows, self.kept[here])
        tables = self.gain[:, here].copy(), self.shift[:, here].copy()
        return type(self)(kept, *tables, self.usual[here], self.column)

    def tensors(self) -> dict[str, Tensor]:
        """As the bundle keeps them."""
        arrays = self.kept, self.gain, self.shift, self.usual
        return {name: torch.tensor(each) for name, each in zip(TENSORS, arrays, strict=True)}

    @classmethod
    def read(
        cls, tensors: Mapping[str, Tensor], channels: int, column: ContextColumn | None = None
    ) -> Self:
        """What `tensors` gave, of a model with so many channels: of its types, and finite.

        Raises ValueError for anything else.
        """
        kept, gain, shift, usual = (tensors[name].numpy() for name in TENSORS)
        count = kept.size
        shaped = kept.ndim == 1 and usual.shape == (count, 2) and gain.ndim == 2
        if not shaped or gain.shape != shift.shape or gain.shape[1] != count:
            raise ValueError("the context of its channels is not of its shapes")
        sizes = (CELLS, DAY_CELLS) if column is None else (column.size,)
        if len(gain) not in sizes or not 0 < count <= channels:
            raise ValueError("the context of its channels is of another size")
        placed = kept[0] >= 0 and kept[-1] < channels and bool((np.diff(kept) > 0).all())
        if not (placed and gain.min() > 0 and usual[:, 1].min() > 0):
            raise ValueError("the context of its channels holds values that cannot be")
        return cls(kept, gain, shift, usual, column)
