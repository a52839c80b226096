"""Whether an array (n, a, b) can be pictures, or may be series: the shape does not tell."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.datasets.request import Reading
from monitor.errors import DataError

CHANNELS: Final = 16
"""Columns of what may be series, at most."""
LONGER: Final = 2
"""Times as many rows as columns, at least."""
SCALES: Final = 100.0
_SAMPLE: Final = 1000
_BYTES: Final = 255.0


def check(records: NDArray[Any], reading: Reading, source: str) -> None:
    """Raise DataError if floats (n, a, b) may be series of b channels, and nobody said which."""
    if records.ndim != 3 or records.dtype.kind != "f" or reading.layout is not None:
        return
    rows, columns = records.shape[1:]
    narrow = columns <= CHANNELS and rows >= LONGER * columns
    if narrow or _scales_differ(records[:_SAMPLE]):
        raise DataError(
            f"{source}: records of {rows} x {columns} floats may be pictures, or series of"
            f" {columns} channels. Say --layout image or --layout series"
        )


def _scales_differ(records: NDArray[Any]) -> bool:
    """Whether columns hold numbers of very different size; pixels do not."""
    largest = np.abs(records.astype(np.float64)).max(axis=(0, 1))
    known = largest[largest > 0]
    return bool(known.size and known.max() > _BYTES and known.max() > SCALES * known.min())
