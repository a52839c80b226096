"""Arrow's IPC stream: many rows a record, as columns by name or as one column of vectors.

The fast way for many rows: numbers stay where they are until they are a row. Columns that nobody
asked for are not looked at. Compressed buffers are refused, since each claims its own size:
`codec.wrap` and Kafka compress as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.schema import Feature
from monitor.codecs.arrow_message import has_compression
from monitor.codecs.by_name import extra_remark
from monitor.codecs.features import Read, missing, reader
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

_KEYS = 8
"""Columns that a message names."""


class ArrowCodec:
    """Rows by the names of the features, or a column of fixed-size lists for those without."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._features = settings.features.features
        self._reads = [reader(f, settings.numbers_as_text) for f in self._features]
        self._field = settings.field
        self._max_rows = settings.max_rows
        names = settings.features.names
        self._roots = {*names, *(name.partition(".")[0] for name in names)}
        self._refuses_extra = settings.refuse_extra
        self._say, self._told = settings.say, False
        self._pool = pa.system_memory_pool()  # Arrow's own keeps what it was given once

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64, or in the type of the vectors."""
        try:
            if has_compression(value):
                raise DecodeError(
                    "undecodable", "compressed Arrow buffers: send them plain, and set codec.wrap"
                )
            batches = self._batches(value)
            parts = [self._rows(batch) for batch in batches if batch.num_rows]
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DecodeError("undecodable", f"not an Arrow stream: {text}"[:300]) from None
        if not parts:
            raise DecodeError("empty", "a stream without rows")
        return np.concatenate(parts)

    def _batches(self, value: bytes) -> list[Any]:
        """The batches of a stream, with no more rows than allowed."""
        batches, rows = [], 0
        with pa.ipc.open_stream(pa.py_buffer(value), memory_pool=self._pool) as stream:
            for batch in stream:
                rows += batch.num_rows
                if rows > self._max_rows:
                    text = f"{rows} rows or more, more than {self._max_rows}"
                    raise DecodeError("too_many_rows", text)
                batches.append(batch)
        return batches

    def _rows(self, batch: Any) -> NDArray[Any]:
        if not self._features:
            return self._vectors(batch)
        self._heed_extra(batch.schema.names)
        columns = [
            self._column(batch, feature, read)
            for feature, read in zip(self._features, self._reads, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _heed_extra(self, names: Sequence[str]) -> None:
        """Refuse columns that are no feature, or say once which there are."""
        extra = [name for name in names if name not in self._roots]
        if extra and self._refuses_extra:
            raise DecodeError(
                "wrong_shape", f"the model has no feature {_shown(extra)} (codec.extra: refuse)"
            )
        if extra and not self._told:
            self._told = True
            self._say(extra_remark(extra))

    def _vectors(self, batch: Any) -> NDArray[Any]:
        """The rows of the one column of fixed-size lists, or of the one that is configured."""
        names = batch.schema.names
        wanted = [
            i
            for i, kind in enumerate(batch.schema.types)
            if names[i] == self._field
            or (self._field is None and pa.types.is_fixed_size_list(kind))
        ]
        if len(wanted) != 1 or not pa.types.is_fixed_size_list(batch.schema.types[wanted[0]]):
            raise DecodeError(
                "undecodable",
                "one column of fixed-size lists expected, or codec.field: its name; there are"
                f" {_shown(names)}",
            )
        column = batch.column(wanted[0])
        size = math.prod(self._shape)
        if column.type.list_size != size:
            raise DecodeError(
                "wrong_shape", f"{size} numbers expected, got {column.type.list_size}"
            )
        column.validate(full=True)
        values = column.flatten()
        if not _is_number(values.type):
            raise DecodeError("wrong_dtype", f"numbers expected, got {values.type!s:.80}")
        if column.null_count or values.null_count:
            raise DecodeError("wrong_dtype", "numbers expected, got null")
        rows = values.to_numpy(zero_copy_only=False).reshape(-1, *self._shape)
        return np.array(rows)

    def _column(self, batch: Any, feature: Feature, read: Read) -> NDArray[np.float64]:
        column = _found(batch, feature.name)
        if column is None:
            there = f"; the record has {_shown(batch.schema.names)}"
            return np.full(batch.num_rows, missing(feature, there))
        column.validate(full=True)
        if feature.kind == "number" and _is_number(column.type):
            numbers = pc.cast(column, pa.float64(), safe=False, memory_pool=self._pool)
            return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
        return np.array([read(value) for value in _values(column, feature)], dtype=np.float64)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A stream of one row. Raises ValueError if a number is not finite, nor missing."""
        if self._features:
            names = [feature.name for feature in self._features]
            arrays = [_sent(f, v) for f, v in zip(self._features, row.tolist(), strict=True)]
        else:
            if row.dtype.kind == "f" and not np.isfinite(row).all():
                raise ValueError("numbers must be finite")
            flat = pa.array(row.ravel())
            names = [self._field or "values"]
            arrays = [pa.FixedSizeListArray.from_arrays(flat, row.size)]
        batch = pa.record_batch(arrays, names=names)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue())


def _found(batch: Any, name: str) -> Any:
    """The column of a name, or what is under it in columns of structs; None if there is none."""
    names = batch.schema.names
    if name in names:
        if names.count(name) > 1:
            raise DecodeError("undecodable", f"the column {name!r:.80} is there twice")
        return batch.column(names.index(name))
    first, _, rest = name.partition(".")
    if not rest or names.count(first) != 1:
        return None
    column = batch.column(names.index(first))
    for part in rest.split("."):
        if not pa.types.is_struct(column.type) or column.type.get_field_index(part) < 0:
            return None
        column.validate(full=True)
        column = pc.struct_field(column, part)
    return column


def _is_number(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind))


def _is_plain(kind: Any) -> bool:
    types = pa.types
    text = types.is_string(kind) or types.is_large_string(kind)
    return bool(_is_number(kind) or types.is_boolean(kind) or text or types.is_null(kind))


def _values(column: Any, feature: Feature) -> list[Any]:
    """Python's values; those of a dictionary are made once, however many rows point to them."""
    kind = column.type
    if pa.types.is_dictionary(kind) and _is_plain(kind.value_type):
        known = column.dictionary.to_pylist()
        return [None if i is None else known[i] for i in column.indices.to_pylist()]
    if not _is_plain(kind):
        text = f"{feature.name!r:.80}: a {feature.kind} expected, got a column of {kind!s:.80}"
        raise DecodeError("wrong_dtype", text)
    values: list[Any] = column.to_pylist()
    return values


def _sent(feature: Feature, value: float) -> Any:
    if math.isnan(value) and feature.missing:
        kinds = {"number": pa.float64(), "boolean": pa.bool_(), "category": pa.string()}
        return pa.array([None], kinds[feature.kind])
    if not math.isfinite(value):
        raise ValueError("numbers must be finite")
    if feature.kind == "boolean":
        return pa.array([bool(value)])
    return pa.array([feature.text(value) if feature.kind == "category" else value])


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(ascii(name)[:40] for name in names[:_KEYS])
    return shown if len(names) <= _KEYS else f"{shown} and {len(names) - _KEYS} more"
