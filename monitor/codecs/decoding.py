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

from models.schema import Schema
from monitor.codecs import Codec
from monitor.codecs.checked_rows import check_values, valid_rows
from monitor.codecs.headers import HeedsHeader, Pairs, found, header_of
from monitor.codecs.likely import explained
from monitor.codecs.many import DecodesMany, Many
from monitor.errors import DecodeError

NO_NAMES = Schema()


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest payload in bytes, and most rows in one record."""

    max_record_bytes: int
    max_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What became of some payloads, in their order.

    rows: (R, *record_shape), finite but for NaN where a value may be missing, in native byte
    order; (0,) if there are none. counts: int64 (n,), rows of each payload, 0 for those that
    failed. failures: why, by position.
    """

    rows: NDArray[Any]
    counts: NDArray[np.int64]
    failures: Mapping[int, DecodeError]


class Decoder:
    """Payloads to rows (n, *record_shape), finite but for NaN where a value may be missing.

    flat_to: shape that the rows of a codec without shape of its own, (n, d), are brought to.
    schema: the features, if they have names. name: of the codec, for messages.
    """

    def __init__(
        self,
        codec: Codec,
        limits: Limits,
        flat_to: tuple[int, ...] | None = None,
        schema: Schema = NO_NAMES,
        name: str = "",
    ) -> None:
        self._codec = codec
        self._at_once = codec if isinstance(codec, DecodesMany) else None
        self._limits = limits
        self._flat_to = flat_to
        self._schema = schema
        self._name = name
        self._header = header_of(codec)

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[Any]:
        """The rows of one payload, one or more; raises DecodeError with a reason."""
        return self._shaped(self._one(value, found(self._header, headers)))

    def _one(self, value: bytes | None, told: bytes | None = None) -> NDArray[Any]:
        codec = self._codec if told is None else self._as_told(told)
        return decode_payload(codec, value, self._limits, self._schema, self._name)

    def _as_told(self, told: bytes) -> Codec:
        assert isinstance(self._codec, HeedsHeader)  # noqa: S101  # or nothing was looked for
        return self._codec.as_told(told)

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        """The rows of all payloads. What fails is told, and raises nothing.

        headers: of each, as a client gave them.
        """
        if self._header and headers is not None and any(headers):
            told = [found(self._header, each) for each in headers]
            if any(each is not None for each in told):
                return self._by_header(values, told)
        rows, counts = self._many(values)
        if counts.all():
            return Decoded(self._shaped(rows), counts, {})
        return self._completed(values, Many(rows, counts))

    def _by_header(self, values: Sequence[bytes | None], told: Sequence[bytes | None]) -> Decoded:
        """Those with one and the same header together."""
        parts = dict[bytes | None, list[int]]()
        for i, text in enumerate(told):
            parts.setdefault(text, []).append(i)
        groups = []
        for text, positions in parts.items():
            some = [values[i] for i in positions]
            groups.append((np.array(positions), self._group(text, some)))
        return groups[0][1] if len(groups) == 1 else _in_order(groups, len(values))

    def _group(self, text: bytes | None, values: Sequence[bytes | None]) -> Decoded:
        if text is None:
            return self.all(values)
        try:
            codec = self._as_told(text)
        except DecodeError as error:
            failures = dict.fromkeys(range(len(values)), error.with_traceback(None))
            return Decoded(np.empty((0,)), np.zeros(len(values), dtype=np.int64), failures)
        return Decoder(codec, self._limits, self._flat_to, self._schema, self._name).all(values)

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
        many = self._at_once.decode_many(fitting)
        rows, counts = _acceptable(many, self._limits.max_rows, self._schema)
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
                parts.append(self._one(values[i]))
                counts[i] = len(parts[-1])
            except DecodeError as error:
                failures[i] = error.with_traceback(None)
        parts = [part for part in [*parts, rows[at:]] if len(part)]
        together = np.concatenate(parts) if parts else np.empty((0,))
        return Decoded(self._shaped(together), counts, failures)


def decoder(
    codec: Codec,
    limits: Limits,
    flat_to: tuple[int, ...] | None = None,
    schema: Schema = NO_NAMES,
    name: str = "",
) -> Decoder:
    """See `Decoder`."""
    return Decoder(codec, limits, flat_to, schema, name)


def decode_payload(
    codec: Codec,
    value: bytes | None,
    limits: Limits,
    schema: Schema = NO_NAMES,
    name: str = "",
) -> NDArray[Any]:
    """Rows (n, *record_shape), n >= 1; raises DecodeError with a reason, and its likely cause."""
    if value is None:
        raise DecodeError("tombstone", "the record has no value")
    if not value:
        raise DecodeError("empty", "the value has no bytes")
    if len(value) > limits.max_record_bytes:
        raise DecodeError("oversized", f"{len(value)} bytes, more than {limits.max_record_bytes}")
    try:
        rows = codec.decode(value)
    except DecodeError as error:
        raise explained(error, value, name) from None
    if len(rows) > limits.max_rows:
        raise DecodeError("too_many_rows", f"{len(rows)} rows, more than {limits.max_rows}")
    check_values(rows, schema)
    return rows


def _in_order(groups: Sequence[tuple[NDArray[np.int64], Decoded]], payloads: int) -> Decoded:
    """The groups as one, each payload in its place. groups: positions, and what became of them."""
    counts, failures = np.zeros(payloads, dtype=np.int64), dict[int, DecodeError]()
    for positions, decoded in groups:
        counts[positions] = decoded.counts
        failures |= {int(positions[i]): error for i, error in decoded.failures.items()}
    some = [(p, d) for p, d in groups if len(d.rows)]
    if not some:
        return Decoded(np.empty((0,)), counts, failures)
    places = np.concatenate([p.repeat(d.counts) for p, d in some])
    rows = np.concatenate([d.rows for _, d in some])[places.argsort(kind="stable")]
    return Decoded(rows, counts, failures)


def _acceptable(many: Many, max_rows: int, schema: Schema) -> Many:
    """Without the payloads of too many rows, or with a number that is not finite."""
    rows, counts = many
    wanted = counts <= max_rows
    right = valid_rows(rows, schema)
    if right is not None:
        wanted[np.repeat(np.arange(counts.size), counts)[~right]] = False
    if wanted.all():
        return many
    return Many(rows[np.repeat(wanted, counts)], np.where(wanted, counts, 0))
