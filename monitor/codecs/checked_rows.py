"""The last checks of rows, whatever codec they come from: finite, or missing where that may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.schema import Schema
from monitor.errors import DecodeError


def valid_rows(rows: NDArray[Any], schema: Schema) -> NDArray[np.bool_] | None:
    """Whether each row may be scored, bool (n,); None if all may."""
    if rows.dtype.kind != "f":
        return None
    finite = np.isfinite(rows)
    if finite.all():
        return None
    return np.asarray(_valid(rows, finite, schema).reshape(len(rows), -1).all(axis=1))


def _valid(rows: NDArray[Any], finite: NDArray[np.bool_], schema: Schema) -> NDArray[np.bool_]:
    """Which numbers may be scored."""
    if not _named(rows, schema):
        return finite
    return np.asarray(finite | (np.isnan(rows) & schema.may_be_missing))


def _named(rows: NDArray[Any], schema: Schema) -> bool:
    return rows.ndim == 2 and rows.shape[1] == len(schema.features)


def check_values(rows: NDArray[Any], schema: Schema) -> None:
    """Raise DecodeError, non_finite or missing_value, unless all rows may be scored."""
    if valid_rows(rows, schema) is None:
        return
    wrong = ~_valid(rows, np.isfinite(rows), schema)
    if not wrong.any():
        return
    if not _named(rows, schema):
        raise DecodeError("non_finite", f"{wrong.sum()} of {rows.size} numbers are NaN or infinite")
    infinite = np.isinf(rows).any(axis=0)
    if infinite.any():
        raise DecodeError("non_finite", f"{schema.names[infinite.argmax()]!r:.80} is infinite")
    name = schema.names[wrong.any(axis=0).argmax()]
    raise DecodeError("missing_value", f"{name!r:.80} is NaN, but the model knows no missing ones")
