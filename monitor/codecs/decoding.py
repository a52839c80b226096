"""From a payload to rows that can be scored: limits, codec, and the last checks.

The checks before the codec bound what it must handle; those after it hold for every codec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Decoder:
    """Payloads to rows."""

    codec: Codec
    limits: Limits
    flat_to: tuple[int, ...] | None = None

    def __call__(self, value: bytes | None) -> NDArray[Any]:
        """Rows of one payload."""
        rows = decode_payload(self.codec, value, self.limits)
        return rows if self.flat_to is None else rows.reshape(len(rows), *self.flat_to)

    def all(self, values: Sequence[bytes | None]) -> Decoded:
        """Rows of many."""
        return one_by_one(values, self)


def decoder(codec: Codec, limits: Limits, flat_to: tuple[int, ...] | None = None) -> Decoder:
    """A decoder."""
    return Decoder(codec, limits, flat_to)


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


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Rows of some payloads.

    rows: (R, *record_shape) finite. counts: int64 (n,) rows of each payload, 0 for those that
    failed. failures: by position, why.
    """

    rows: NDArray[Any]
    counts: NDArray[np.int64]
    failures: Mapping[int, DecodeError]


def one_by_one(
    values: Sequence[bytes | None], decode: Callable[[bytes | None], NDArray[Any]]
) -> Decoded:
    """What decoding each of them gives."""
    parts: list[NDArray[Any]] = []
    failures: dict[int, DecodeError] = {}
    counts = np.zeros(len(values), dtype=np.int64)
    for i, value in enumerate(values):
        try:
            parts.append(decode(value))
            counts[i] = len(parts[-1])
        except DecodeError as error:
            failures[i] = error
    return Decoded(np.concatenate(parts) if parts else np.empty((0,)), counts, failures)
