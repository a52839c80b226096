"""From payloads to rows that can be scored: limits, codec, and the last checks.

The checks before the codec bound what it must handle; those after it hold for every codec. A
batch is decoded at once where the codec can do that, and ends exactly as one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import Codec
from monitor.codecs.many import DecodesMany, Many
from monitor.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest payload in bytes, and most rows in one record."""

    max_record_bytes: int
    max_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What became of some payloads, in their order.

    rows: (R, *record_shape), finite, in native byte order; (0,) if there are none. counts: int64
    (n,), rows of each payload, 0 for those that failed. failures: why, by position.
    """

    rows: NDArray[Any]
    counts: NDArray[np.int64]
    failures: Mapping[int, DecodeError]


class Decoder:
    """Payloads to rows (n, *record_shape), all finite.

    flat_to: shape that the rows of a codec without shape of its own, (n, d), are brought to.
    """

    def __init__(
        self, codec: Codec, limits: Limits, flat_to: tuple[int, ...] | None = None
    ) -> None:
        self._codec = codec
        self._at_once = codec if isinstance(codec, DecodesMany) else None
        self._limits = limits
        self._flat_to = flat_to

    def __call__(self, value: bytes | None) -> NDArray[Any]:
        """The rows of one payload, one or more; raises DecodeError with a reason."""
        return self._shaped(decode_payload(self._codec, value, self._limits))

    def all(self, values: Sequence[bytes | None]) -> Decoded:
        """The rows of all payloads. What fails is told, and raises nothing."""
        rows, counts = self._many(values)
        if counts.all():
            return Decoded(self._shaped(rows), counts, {})
        return self._completed(values, Many(rows, counts))

    def _shaped(self, rows: NDArray[Any]) -> NDArray[Any]:
        if self._flat_to is None or not len(rows):
            return rows
        return rows.reshape(len(rows), *self._flat_to)

    def _many(self, values: Sequence[bytes | None]) -> Many:
        """What the codec can tell at once, within all limits."""
        if self._at_once is None or not len(values):
            return Many.none(len(values))
        positions = self._fitting(values)
        if not positions:
            return Many.none(len(values))
        fitting: Sequence[Any] = values
        if len(positions) < len(values):
            fitting = [values[i] for i in positions]
        rows, counts = _acceptable(self._at_once.decode_many(fitting), self._limits.max_rows)
        if len(positions) == len(values):
            return Many(rows, counts)
        all_counts = np.zeros(len(values), dtype=np.int64)
        all_counts[positions] = counts
        return Many(rows, all_counts)

    def _fitting(self, values: Sequence[bytes | None]) -> Sequence[int]:
        """Positions of the payloads that a codec may see."""
        most = self._limits.max_record_bytes
        try:
            sizes = set(map(len, values))  # type: ignore[arg-type]
        except TypeError:  # a tombstone is among them
            sizes = {0}
        if min(sizes) and max(sizes) <= most:
            return range(len(values))
        return [i for i, value in enumerate(values) if value and len(value) <= most]

    def _completed(self, values: Sequence[bytes | None], many: Many) -> Decoded:
        """With the payloads that were left out, one by one, each in its place."""
        rows, counts, failures, at = many.rows, many.counts.copy(), dict[int, DecodeError](), 0
        ends = np.cumsum(counts).tolist()
        parts = []
        for i in np.flatnonzero(counts == 0).tolist():
            parts.append(rows[at : ends[i]])
            at = ends[i]
            try:
                parts.append(decode_payload(self._codec, values[i], self._limits))
                counts[i] = len(parts[-1])
            except DecodeError as error:
                failures[i] = error.with_traceback(None)
        parts = [part for part in [*parts, rows[at:]] if len(part)]
        together = np.concatenate(parts) if parts else np.empty((0,))
        return Decoded(self._shaped(together), counts, failures)


def decoder(codec: Codec, limits: Limits, flat_to: tuple[int, ...] | None = None) -> Decoder:
    """See `Decoder`."""
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


def _acceptable(many: Many, max_rows: int) -> Many:
    """Without the payloads of too many rows, or with a number that is not finite."""
    rows, counts = many
    wanted = counts <= max_rows
    if rows.dtype.kind == "f":
        finite = np.isfinite(rows)
        if not finite.all():
            finite_rows = finite.reshape(len(rows), -1).all(axis=1)
            wanted[np.repeat(np.arange(counts.size), counts)[~finite_rows]] = False
    if wanted.all():
        return many
    return Many(rows[np.repeat(wanted, counts)], np.where(wanted, counts, 0))
