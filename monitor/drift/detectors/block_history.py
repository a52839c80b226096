"""The blocks since the evidence began, to say afterwards where the drift set in.

Each entry is the bins of some consecutive blocks, and the position where they began. When the
history is full, the older half is joined two by two: recent places are exact to the block, old
ones as coarse as they are far, and the memory is bounded however long the stream runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.blocks import Position, position_state, restored_position

ENTRIES: Final = 128


class BlockHistory:
    """Bins of consecutive blocks in each of S scopes (all rows together, and each partition)."""

    def __init__(self, scopes: int, bins: int) -> None:
        self._bins = np.zeros((ENTRIES, scopes, bins))
        self._starts: list[Position] = []

    def widen(self, places: NDArray[np.int64], scopes: int) -> None:
        """Make room for more scopes. places: where the scopes that there are now stand."""
        wider = np.zeros((ENTRIES, scopes, self._bins.shape[2]))
        wider[:, places] = self._bins
        self._bins = wider

    def add(self, bins: NDArray[np.float64], start: Position) -> None:
        """Add a block. bins: (S, K), rows in each."""
        if len(self._starts) == ENTRIES:
            self._halve()
        self._bins[len(self._starts)] = bins
        self._starts.append(start)

    def _halve(self) -> None:
        half, quarter = ENTRIES // 2, ENTRIES // 4
        joined = self._bins[0:half:2] + self._bins[1:half:2]
        self._bins[quarter : quarter + half] = self._bins[half:].copy()
        self._bins[:quarter] = joined
        self._starts = self._starts[0:half:2] + self._starts[half:]

    def onset(self, scope: int, log_factors: NDArray[np.float64]) -> Position | None:
        """Where a bet's CUSUM last was at its lowest: the likeliest place of a change.

        log_factors: (K,), of the bet. None if the history is empty. (Page, Continuous inspection
        schemes, Biometrika 41, 1954: the maximum likelihood estimate of the change point.)
        """
        if not self._starts:
            return None
        gains = self._bins[: len(self._starts), scope] @ log_factors
        before = np.concatenate([[0.0], np.cumsum(gains)])[:-1]
        last_lowest = before.size - 1 - int(before[::-1].argmin())
        return self._starts[last_lowest]

    def clear(self) -> None:
        """Forget all blocks."""
        self._starts.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "bins": self._bins[: len(self._starts)],
            "starts": [position_state(start) for start in self._starts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, with as many scopes and bins."""
        stored = np.array(state["bins"])
        self._bins = np.zeros((ENTRIES, *stored.shape[1:]))
        self._bins[: len(stored)] = stored
        self._starts = [restored_position(start) for start in state["starts"]]
