"""How one record arrives, and how the network sees it.

vector    (d,)          as it is
series    (T, C)        (C, T): C channels over T steps of time
HW        (H, W)        (1, H, W)
HWC       (H, W, C)     (C, H, W)
CHW       (C, H, W)     as it is
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError

Layout = Literal["vector", "series", "HW", "HWC", "CHW"]

DIMENSIONS: Final = {"vector": 1, "series": 2, "HW": 3, "HWC": 3, "CHW": 3}
"""Of a record as the network sees it."""
_CHANNELS: Final = (1, 3, 4)


def layout_of(records: NDArray[Any], asked: str = "") -> Layout:
    """The layout of records (n, *record_shape), as asked for ("series" or "image") or guessed.

    2-d arrays are vectors, 3-d are images (n, H, W), 4-d (n, H, W, C) when the last dimension is
    1, 3 or 4, else (n, C, H, W) when the second is. Series have to be asked for: (n, time,
    channel) looks like (n, H, W). Raises ShapeError for anything else.
    """
    if records.dtype.kind not in "buif":
        raise ShapeError(f"records must be real numbers, got dtype {records.dtype}.")
    if records.size == 0:
        raise ShapeError(f"there are no values in an array of shape {records.shape}.")
    if asked == "series":
        if records.ndim == 3:
            return "series"
        raise ShapeError(f"series are (n, time, channel), got shape {records.shape}.")
    if records.ndim == 2 and asked != "image":
        return "vector"
    if records.ndim == 3:
        return "HW"
    if records.ndim == 4 and records.shape[3] in _CHANNELS:
        return "HWC"
    if records.ndim == 4 and records.shape[1] in _CHANNELS:
        return "CHW"
    raise ShapeError(
        "records must be vectors (n, d), series (n, time, channel) or images (n, H, W),"
        " (n, H, W, C) or (n, C, H, W) with 1, 3 or 4 channels,"
        f" got shape {records.shape}."
    )


def record_shape(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    """Shape of a record as it arrives, by that which the network sees."""
    if layout == "HW":
        return shape[1:]
    if layout == "series":
        return shape[::-1]
    return (*shape[1:], shape[0]) if layout == "HWC" else shape


def channels_first(records: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Records (n, *record_shape) as the network sees them, not copied."""
    if layout == "HW":
        return records[:, np.newaxis]
    if layout == "series":
        return records.swapaxes(1, 2)
    return np.moveaxis(records, 3, 1) if layout == "HWC" else records
