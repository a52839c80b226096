"""From a payload to rows that can be scored: limits, codec, and the last checks.

The checks before the codec bound what it must handle; those after it hold for every codec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import Codec
from monitor.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest payload in bytes, and most rows in one record."""

    max_record_bytes: int
    max_rows: int


def decoder(
    codec: Codec, limits: Limits, flat_to: tuple[int, ...] | None = None
) -> Callable[[bytes | None], NDArray[Any]]:
    """A function from payload to rows (n, *record_shape), finite, n >= 1; raises DecodeError.

    flat_to: shape that the rows of a codec without shape of its own, (n, d), are brought to.
    """

    def decode(value: bytes | None) -> NDArray[Any]:
        rows = decode_payload(codec, value, limits)
        return rows if flat_to is None else rows.reshape(len(rows), *flat_to)

    return decode


def decode_payload(codec: Codec, value: bytes | None, limits: Limits) -> NDArray[Any]:
    """Rows (n, *record_shape), all finite, n >= 1; raises DecodeError with a reason."""
    if value is None:
        raise DecodeError("tombstone", "the record has no value")
    if not value:
        raise DecodeError("empty", "the value has no bytes")
    if len(value) > limits.max_record_bytes:
        raise DecodeError("oversized", f"{len(value)} bytes, more than {limits.max_record_bytes}")
    rows = codec.decode(value)
    if len(rows) > limits.max_rows:
        raise DecodeError("too_many_rows", f"{len(rows)} rows, more than {limits.max_rows}")
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).sum())
        raise DecodeError("non_finite", f"{bad} of {rows.size} numbers are NaN or infinite")
    return rows
