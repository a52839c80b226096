"""Whether values are in another unit than a model learned: far outside its usual ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec

FAR: Final = 3.0
"""Widths of a range beyond it."""
NEARLY_ALL: Final = 0.95
"""Share of the records."""
_ROUNDING: Final = 1e-9


class Units:
    """Counts how often each feature lies far outside its range; memory does not grow."""

    def __init__(self, spec: InputSpec) -> None:
        known = len(spec.ranges) == len(spec.features) > 0
        numbers = [known and feature.kind == "number" for feature in spec.schema.features]
        self._positions = np.flatnonzero(numbers)
        self._names = [spec.features[i] for i in self._positions]
        ranges = np.array(spec.ranges, dtype=np.float64).reshape(-1, 2)[
            self._positions[:, None], [0, 1]
        ]
        self._low, self._high = ranges[:, 0], ranges[:, 1]
        size = np.abs(ranges).max(axis=1, initial=0.0)
        self._width = np.maximum(self._high - self._low, _ROUNDING * size)
        self._outside = np.zeros(len(self._positions), dtype=np.int64)
        self._sum = np.zeros(len(self._positions))
        self._rows = 0

    def add(self, records: NDArray[Any]) -> None:
        """Count more records (n, d)."""
        if not self._positions.size or records.ndim != 2:
            return
        values = records[:, self._positions].astype(np.float64)
        below, above = self._low - FAR * self._width, self._high + FAR * self._width
        self._outside += ((values < below) | (values > above)).sum(axis=0)
        self._sum += np.nansum(values, axis=0)
        self._rows += len(records)

    def told(self) -> Iterator[str]:
        """One line a feature that is far outside in nearly all records."""
        for i in np.flatnonzero(self._outside >= NEARLY_ALL * max(1, self._rows)).tolist():
            mean = self._sum[i] / max(1, self._rows)
            middle = (self._low[i] + self._high[i]) / 2
            factor = f", about {mean / middle:.3g} times its middle" if middle else ""
            yield (
                f"WARNING: {self._names[i]!r} is {mean:.4g} on average; the model learned"
                f" {self._low[i]:.4g} to {self._high[i]:.4g}{factor}. Another unit, or another"
                " sensor?"
            )
