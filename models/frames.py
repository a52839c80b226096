"""Data frames to a model's records: pandas, polars and Arrow, by the names of their columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.errors import DetectorError
from models.schema import MAX_CATEGORIES, Feature, Schema

_NAMED: Final = 8
"""Columns that a message names."""


def table_of(frame: Any) -> pa.Table | None:
    """A frame as an Arrow table, its index left out; None for what is no frame.

    Raises DetectorError for a frame that Arrow cannot hold.
    """
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        return frame
    try:
        if hasattr(frame, "to_arrow"):  # polars
            return frame.to_arrow()
        if hasattr(frame, "columns") and hasattr(frame, "iloc"):  # pandas
            return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        text = f"the frame cannot be read: {error}. Give columns of one type each"
        raise DetectorError(text) from error
    return None


def schema_of(table: pa.Table) -> Schema:
    """The features of a frame to learn from: numbers, booleans, and texts as categories.

    One that is missing anywhere may be missing. Raises DetectorError, which names all columns that
    are none of these.
    """
    if not len(table.column_names):
        raise DetectorError("the frame has no columns: give at least one feature")
    odd = [field for field in table.schema if not _is_feature(field.type)]
    if odd:
        raise DetectorError(
            f"no features can be made of {_listed([f'{f.name} ({f.type})' for f in odd])}:"
            " give numbers, booleans or texts, and leave other columns out"
        )
    try:
        return Schema(tuple(_feature(name, table[name]) for name in _once(table.column_names)))
    except ValueError as error:
        raise DetectorError(f"{error}: a column of so many values looks like an id") from error


def rows_of(table: pa.Table, schema: Schema) -> NDArray[np.float64]:
    """Records of a frame (n, d), by the schema's names, in whatever order its columns are.

    Raises DetectorError for columns that are missing, or more than there were, or of another type,
    and where a value is missing that never was.
    """
    names = _once(table.column_names)
    absent = [name for name in schema.names if name not in names]
    more = [name for name in names if name not in schema.names]
    if absent or more:
        said = [f"without {_listed(absent)}"] if absent else []
        said += [f"with {_listed(more)}, which the detector was not fitted on"] if more else []
        raise DetectorError(f"the frame is {' and '.join(said)}: give the columns of `fit`")
    rows = np.empty((table.num_rows, len(schema.features)))
    for i, feature in enumerate(schema.features):
        rows[:, i] = _values(feature, table[feature.name])
    return rows


def _feature(name: str, column: pa.ChunkedArray) -> Feature:
    missing = bool(np.isnan(_numbers(column)).any()) if _is_number(column.type) else False
    missing = missing or column.null_count > 0
    if pa.types.is_boolean(column.type):
        return Feature(name, "boolean", missing=missing)
    if _is_number(column.type):
        return Feature(name, missing=missing)
    seen = pc.unique(_texts(column).drop_null()).to_pylist()
    if len(seen) > MAX_CATEGORIES:
        raise ValueError(f"{name}: {len(seen):,} different texts")
    if not seen:
        raise ValueError(f"{name}: no value at all")
    return Feature(name, "category", tuple(sorted(seen)), missing)


def _values(feature: Feature, column: pa.ChunkedArray) -> NDArray[np.float64]:
    kind = "category" if _is_text(column.type) else "number"
    kind = "boolean" if pa.types.is_boolean(column.type) else kind
    if kind != feature.kind:
        raise DetectorError(
            f"column {feature.name} is {column.type}, and was a {feature.kind} in `fit`"
        )
    if kind == "category":
        codes = pc.index_in(_texts(column), pa.array(feature.categories))
        values = _numbers(pc.fill_null(codes, len(feature.categories)))
        values[_numbers(pc.is_null(column)) == 1] = np.nan
    else:
        values = _numbers(column)
    if np.isinf(values).any():
        raise DetectorError(f"column {feature.name} holds an infinite value: repair it")
    if not feature.missing and np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise DetectorError(
            f"column {feature.name} is missing in row {row}, and never was in `fit`"
        )
    return values


def _numbers(column: Any) -> NDArray[np.float64]:
    """As float64, NaN where null."""
    kind = pa.float64()
    if pa.types.is_decimal(column.type) or column.type != kind:
        column = pc.cast(column, kind, safe=False)
    values: NDArray[np.float64] = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return values


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string())


def _is_number(kind: pa.DataType) -> bool:
    """Booleans among them."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_feature(kind: pa.DataType) -> bool:
    return _is_number(kind) or _is_text(kind)


def _once(names: list[str]) -> list[str]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DetectorError(f"columns must differ in name: {_listed(repeated)} repeat")
    return names


def _listed(names: list[str]) -> str:
    shown = ", ".join(ascii(name)[1:-1][:80] for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
