"""The blocks since the evidence began, to say afterwards where the drift set in.

Each entry is the bins of some consecutive blocks, and the position where they began. When the
history is full, the older half is joined two by two: recent places are exact to the block, old
ones as coarse as they are far, and the memory is bounded however long the stream runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Position, position_state, restored_position

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

ENTRIES: Final = 128


@dataclass(slots=True)
class _Cells:
    """Rows by scope and bin: one number a row, scope x bins + bin, or their counts if many.

    dense: (S * K,).
    """

    each: list[Index]
    dense: Floats | None = None

    def joined(self, other: _Cells, size: int) -> _Cells:
        """The rows of both. size: S * K."""
        each = [*self.each, *other.each]
        dense = self.dense if other.dense is None else other.dense
        if self.dense is not None and other.dense is not None:
            dense = self.dense + other.dense
        if sum(part.size for part in each) <= size:
            return _Cells(each, dense)
        counted = np.bincount(np.concatenate(each), minlength=size).astype(np.float64)
        return _Cells([], counted if dense is None else dense + counted)


_NONE: Final = _Cells([])


class BlockHistory:
    """Bins of consecutive blocks in each of S scopes (all rows together, and each partition)."""

    def __init__(self, scopes: int, bins: int) -> None:
        self._scopes, self._width = scopes, bins
        self._together = np.zeros((ENTRIES, bins))
        self._cells: list[_Cells] = []  # of the partitions' scopes
        self._starts: list[Position] = []

    def widen(self, places: Index, scopes: int) -> None:
        """Make room for more scopes. places: where the scopes that there are now stand."""
        cells = (places[:, None] * self._width + np.arange(self._width)).ravel()
        for entry in self._cells:
            entry.each = [cells[part] for part in entry.each]
            if entry.dense is not None:
                wider = np.zeros(scopes * self._width)
                wider[cells] = entry.dense
                entry.dense = wider
        self._scopes = scopes

    def add(self, together: Floats, cells: Index | None, start: Position) -> None:
        """Add a block.

        together: (K,), rows in each bin. cells: (rows,), scope x K + bin of each row, or None
        while there are no partitions' scopes; nobody may write to it.
        """
        if len(self._starts) == ENTRIES:
            self._halve()
        self._together[len(self._starts)] = together
        self._cells.append(_NONE if cells is None else _Cells([cells]))
        self._starts.append(start)

    def _halve(self) -> None:
        half, quarter = ENTRIES // 2, ENTRIES // 4
        joined = self._together[0:half:2] + self._together[1:half:2]
        self._together[quarter : quarter + half] = self._together[half:].copy()
        self._together[:quarter] = joined
        size, old = self._scopes * self._width, self._cells[:half]
        pairs = zip(old[0::2], old[1::2], strict=True)
        self._cells = [a.joined(b, size) for a, b in pairs] + self._cells[half:]
        self._starts = self._starts[0:half:2] + self._starts[half:]

    def _bins(self, scopes: range) -> Floats:
        """Rows of each block in each bin of these scopes, (blocks, scopes, K)."""
        width, blocks = self._width, len(self._starts)
        found = np.zeros((blocks, len(scopes) * width))
        first, last = scopes.start * width, scopes.stop * width
        for row, entry in zip(found, self._cells, strict=True):
            if entry.dense is not None:
                row += entry.dense[first:last]
            for each in entry.each:
                wanted = each[(each >= first) & (each < last)]
                row += np.bincount(wanted - first, minlength=row.size)
        if scopes.start == 0:
            found[:, :width] = self._together[:blocks]
        return found.reshape(blocks, len(scopes), width)

    def onset(self, scope: int, log_factors: Floats) -> Position | None:
        """Where a bet's CUSUM last was at its lowest: the likeliest place of a change.

        log_factors: (K,), of the bet. None if the history is empty. (Page, Continuous inspection
        schemes, Biometrika 41, 1954: the maximum likelihood estimate of the change point.)
        """
        if not self._starts:
            return None
        gains = self._bins(range(scope, scope + 1))[:, 0] @ log_factors
        before = np.concatenate([[0.0], np.cumsum(gains)])[:-1]
        last_lowest = before.size - 1 - int(before[::-1].argmin())
        return self._starts[last_lowest]

    def clear(self) -> None:
        """Forget all blocks."""
        self._starts.clear()
        self._cells.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "bins": self._bins(range(self._scopes)),
            "starts": [position_state(start) for start in self._starts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, with as many scopes and bins."""
        stored = np.array(state["bins"])
        blocks, self._scopes, self._width = stored.shape
        self._together = np.zeros((ENTRIES, self._width))
        self._together[:blocks] = stored[:, 0]
        self._cells = [
            _Cells([], dense) for dense in stored.reshape(blocks, self._scopes * self._width)
        ]
        self._starts = [restored_position(start) for start in state["starts"]]
