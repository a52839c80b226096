"""Turns a decoded array into rows, or says why it cannot be: shared by all codecs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import DecodeError


def as_rows(array: NDArray[Any], record_shape: tuple[int, ...]) -> NDArray[Any]:
    """The array as (n, *record_shape), n >= 1: it is one row, or many in a leading dimension.

    Raises DecodeError: empty, wrong_shape, or wrong_dtype for anything but real numbers.
    """
    if array.dtype.kind not in "uif":
        raise DecodeError("wrong_dtype", f"numbers expected, got dtype {array.dtype}")
    if array.size == 0:
        raise DecodeError("empty", f"an array of shape {array.shape} holds no numbers")
    if array.shape == record_shape:
        return array[np.newaxis]
    if array.shape[1:] == record_shape:
        return array
    raise DecodeError("wrong_shape", f"shape {record_shape} expected, got {array.shape}")
