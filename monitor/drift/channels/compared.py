"""Which channels are compared with the record before, and how often they repeat its value.

Not those of few values, such as switches and counts, nor those that are judged by the hour: these
repeat themselves for hours, and then not. Of others, a value that is common, such as the nothing of
a sunless hour, repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.channels import Channels
from monitor.drift.channels.last_values import LastValues

GROUPS: Final = ("input", "direction", "picture", "cell", "series")
"""Groups of channels that are compared. What of them goes through a matrix may differ in its last
bit between batches of a few records; then the repeats of such records are not all seen."""
COMMON: Final = 0.01
"""Share of the calibration values from which one of them may be common."""
OFTENER: Final = 20
"""Than the median value a common one comes: what is held for some records, and comes back now and
then, is not common."""
MOSTLY: Final = 0.5
"""Share of values with COMMON or more from which a channel has few values."""
_CLOSE: Final = 1e-5
"""How near to a common value is the same, for a value of 1: engines may round otherwise."""

Index = NDArray[np.int64]
Values = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Compared:
    """N of C channels. channels: C. of: (N,). common: (N, A), their common values, then NaN."""

    channels: int
    of: Index
    common: Values

    @classmethod
    def among(cls, channels: Channels) -> Self:
        """Those of a model's channels that can be compared."""
        kept = () if channels.context is None else channels.context.kept.tolist()
        of, common = [], []
        for c, (view, values) in enumerate(zip(channels.each, channels.values, strict=True)):
            if view.group not in GROUPS or c in kept:
                continue
            each, times = np.unique(values, return_counts=True)
            often = times >= COMMON * values.size
            if times[often].sum() <= MOSTLY * values.size:
                of.append(c)
                common.append(each[often & (times >= OFTENER * np.median(times))])
        table = np.full((len(of), max(map(len, common), default=0)), np.nan, dtype=np.float32)
        for row, each in zip(table, common, strict=True):
            row[: each.size] = each
        return cls(len(channels.each), np.array(of, dtype=np.int64), table)

    def repeated(self, values: Values, partition: Index, last: LastValues) -> Flags:
        """Which of rows (R, W) have the values of the row before in their partition, (R, N).

        partition: number of each row's, (R,). last: the rows before; these are the last ones then.
        """
        if not self.of.size:
            return np.zeros((len(values), 0), dtype=np.bool_)
        return last.repeated(values[:, _as_slice(self.of)], partition)

    def repeats(self, values: Values, repeated: Flags, cuts: Sequence[int]) -> Index:
        """How many there are of each channel in each block, (T, C). values: (R, W).

        cuts: where the T blocks begin among the rows, and R.
        """
        found = np.zeros((len(cuts) - 1, self.channels), dtype=np.int64)
        if repeated.any():  # seldom
            counted = self._uncommon(values, repeated)
            for row, (start, end) in zip(found, pairwise(cuts), strict=True):
                row[self.of] = np.count_nonzero(counted[start:end], axis=0)
        return found

    def _uncommon(self, values: Values, repeated: Flags) -> Flags:
        """Repeats of values that are not common ones, (R, N)."""
        some = np.flatnonzero(np.isfinite(self.common).any(axis=1))
        row, which = repeated[:, some].nonzero()
        if not row.size:
            return repeated
        n = some[which]
        counted = repeated.copy()
        counted[row, n] = ~self.are_common(values[row, self.of[n]], n)
        return counted

    def are_common(self, values: Values, n: Index) -> Flags:
        """Which of values (V,) are common ones of theirs of the N channels, (V,)."""
        common = self.common[n]
        near = np.abs(common - values[:, np.newaxis]) <= _CLOSE * np.maximum(np.abs(common), 1)
        return np.asarray(near.any(axis=1))


def _as_slice(index: Index) -> Index | slice:
    """Consecutive numbers as a slice: that copies nothing."""
    consecutive = bool((np.diff(index) == 1).all())
    return slice(int(index[0]), int(index[-1]) + 1) if consecutive else index
