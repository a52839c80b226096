"""Windows over series: a record is the last T steps of one series.

    steps      0 1 2 3 4 5 6 7 8 9        length 4, stride 2
    window 0   0 1 2 3
    window 1       2 3 4 5
    window 2           4 5 6 7

The windows of a file and those that the daemon makes of a topic are the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LONGEST: Final = 1 << 14
Series = Sequence[Hashable] | NDArray[Any]
"""Which series each step belongs to."""


@dataclass(frozen=True, slots=True)
class Window:
    """How windows are made of steps. length, stride: in steps. by: name of the column, or of
    what the message's key tells, that says which series a step belongs to; "" if all steps are of
    one. Raises ValueError.
    """

    length: int
    stride: int = 1
    by: str = ""

    def __post_init__(self) -> None:
        if type(self.length) is not int or not 2 <= self.length <= LONGEST:
            raise ValueError(f"a window has from 2 to {LONGEST} steps, got {self.length!r:.80}")
        if type(self.stride) is not int or not 1 <= self.stride <= self.length:
            raise ValueError(
                f"the stride must be from 1 to the window's {self.length} steps,"
                f" got {self.stride!r:.80}"
            )

    def completed(
        self, before: NDArray[Any], steps: NDArray[Any], seen: int
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]:
        """Windows (w, T, C) that new steps (n, C) of a series complete, which of them (w,) do so,
        and all steps that are known, (k + n, C).

        before: the last steps (k, C) that came earlier, T - 1 of them if there were so many. seen:
        how many came in all.
        """
        whole = np.concatenate([before, steps]) if len(before) else steps
        ends = self.ends(len(steps), seen)
        places = (ends + len(before) - self.length + 1)[:, np.newaxis] + np.arange(self.length)
        return whole[places], ends, whole

    def __str__(self) -> str:
        """For people."""
        whose = f"each {self.by}" if self.by else "one series"
        return f"windows of {self.length} steps of {whose}, one every {self.stride}"

    def ends(self, steps: int, before: int = 0) -> NDArray[np.int64]:
        """Positions among `steps` new ones of those with which a window is complete.

        before: steps of this series that came earlier.
        """
        first = max(self.length, before + 1)
        late = (first - self.length) % self.stride
        first += self.stride - late if late else 0
        return np.arange(first - before - 1, steps, self.stride, dtype=np.int64)


class Windower:
    """Makes windows of steps that come in parts."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._tails: dict[Hashable, tuple[int, NDArray[Any]]] = {}

    def take(
        self, steps: NDArray[Any], series: Series | None = None
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Windows (w, T, C) that these steps (n, C) complete, and where (w,) the last step of each
        is among them.

        series: which one each step belongs to; None if all are of one. In the order in which the
        windows are complete.
        """
        groups = {None: np.arange(len(steps))} if series is None else _groups(series)
        made, last = [], []
        for name, rows in groups.items():
            seen, before = self._tails.get(name, (0, steps[:0]))
            complete, ends, whole = self._window.completed(before, steps[rows], seen)
            if ends.size:
                made.append(complete)
                last.append(rows[ends])
            kept = whole[max(0, len(whole) - self._window.length + 1) :].copy()
            self._tails[name] = (seen + len(rows), kept)
        if not made:
            none = np.empty((0, self._window.length, steps.shape[1]), dtype=steps.dtype)
            return none, np.empty(0, dtype=np.int64)
        ends = np.concatenate(last)
        order = np.argsort(ends, kind="stable")
        return np.concatenate(made)[order], ends[order]


def windows_of(
    steps: NDArray[Any], window: Window, series: Series | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All windows of steps (n, C), as `Windower.take` gives them."""
    return Windower(window).take(steps, series)


def _groups(series: Series) -> dict[Hashable, NDArray[np.int64]]:
    found: dict[Hashable, list[int]] = {}
    values = series.tolist() if isinstance(series, np.ndarray) else series
    for row, name in enumerate(values):
        found.setdefault(name, []).append(row)
    return {name: np.array(rows, dtype=np.int64) for name, rows in found.items()}
