"""Cells of one column as numbers, and what those are that are none.

Cells are text (of CSV, or a column of texts), or have a type of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING: Final = (
    "", "na", "n/a", "#n/a", "nan", "null", "none", "?", "nil", "<na>",
)  # fmt: skip
"""Cells that say that a value is missing, in small letters."""
NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INFINITE: Final = r"(?i)^[+-]?inf(inity)?$"
TRUTH: Final = ("false", "true")
_TIME: Final = (
    r"^([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})"
    r"([T ].*)?$|^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?([.,][0-9]+)?$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """values: (n,), NaN where there is none. missing: bool (n,). bad: bool (n,), cells that are
    neither missing nor a finite number."""

    values: NDArray[Any]
    missing: NDArray[np.bool_]
    bad: NDArray[np.bool_]


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are texts."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether cells are numbers, as numpy has them or decimal ones."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_time(kind: pa.DataType) -> bool:
    """Whether cells are dates, times or durations."""
    return bool(pa.types.is_temporal(kind))


def plain(cells: pa.Array) -> pa.Array:
    """A dictionary's values in place of their numbers, halves as float32 (Arrow computes little
    with them); anything else as it is."""
    if pa.types.is_dictionary(cells.type):
        return cells.dictionary_decode()
    if pa.types.is_float16(cells.type):
        return pa.array(cells.to_numpy(zero_copy_only=False).astype(np.float32))
    return cells


def numbers(cells: pa.Array, decimal: str = ".") -> Numbers:
    """Of any cells; what has no numbers at all is bad in every cell. decimal: of texts."""
    cells = plain(cells)
    if is_text(cells.type):
        return _of_texts(cells, decimal)
    missing = np.asarray(cells.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
    none = np.zeros(len(cells), dtype=np.bool_)
    if pa.types.is_null(cells.type):
        return Numbers(np.full(len(cells), np.nan), ~none, none)
    if not is_number(cells.type) and not pa.types.is_boolean(cells.type):
        return Numbers(np.full(len(cells), np.nan), missing, ~missing)
    if pa.types.is_decimal(cells.type):
        cells = cells.cast(pa.float64())
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    values = np.asarray(cells.to_numpy(zero_copy_only=False))
    if values.dtype.kind != "f":
        return Numbers(values, missing, none)
    missing = missing | np.isnan(values)
    return Numbers(values, missing, np.isinf(values))


def texts(cells: pa.Array) -> pa.Array:
    """Any cells as text, trimmed; null where one is missing."""
    cells = plain(cells)
    if not is_text(cells.type):
        return cells.cast(pa.string())
    cells = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    return pc.if_else(_says_missing(cells), None, cells)


def truths(cells: pa.Array, decimal: str = ".") -> Numbers:
    """True and false, in letters or as 1 and 0; anything else is bad."""
    found = numbers(cells, decimal)
    values, bad = found.values.astype(np.float64), found.bad
    if is_text(plain(cells).type):
        words = pc.utf8_lower(texts(cells))
        codes = pc.index_in(words, value_set=pa.array(TRUTH)).fill_null(-1).to_numpy(False)
        values, bad = np.where(codes >= 0, codes, values), bad & (codes < 0)
    wrong = ~found.missing & ~bad & (values != 0) & (values != 1)
    return Numbers(values, found.missing, bad | wrong)


def are_times(values: pa.Array) -> bool:
    """Whether all texts are dates or times; what is null does not count."""
    found = pc.all(pc.match_substring_regex(values, _TIME)).as_py()
    return found is not False


def time_like(values: pa.Array) -> NDArray[np.bool_]:
    """Of texts (n,): which are dates, times or numbers; what is null is none."""
    shaped = pc.match_substring_regex(values, _TIME).fill_null(False)
    known = numbers(values)
    counted = ~known.bad & ~known.missing
    return np.asarray(shaped.to_numpy(zero_copy_only=False), dtype=np.bool_) | counted


def _parsed(values: pa.Array) -> Numbers:
    """Of texts that are all numbers; one that reads nan is missing."""
    found = np.asarray(values.to_numpy(zero_copy_only=False))
    return Numbers(found, np.isnan(found), np.isinf(found))


def _says_missing(cells: pa.Array) -> pa.Array:
    return pc.or_(pc.is_in(pc.utf8_lower(cells), value_set=pa.array(MISSING)), cells.is_null())


def _of_texts(cells: pa.Array, decimal: str) -> Numbers:
    if decimal == "." and not cells.null_count:
        try:
            return _parsed(pc.cast(cells, pa.float64()))
        except pa.ArrowInvalid:
            pass  # some cell is no number as it stands
    cells = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    if decimal == ",":
        # A point would be a mark of thousands, which is never read as one by chance.
        pointed = pc.match_substring(cells, ".")
        cells = pc.if_else(pointed, pc.binary_join_element_wise(cells, "?", ""), cells)
        cells = pc.replace_substring(cells, ",", ".")
    missing = _says_missing(cells)
    try:
        values = pc.cast(pc.if_else(missing, None, cells), pa.float64())
    except pa.ArrowInvalid:
        numeric = pc.match_substring_regex(cells, NUMBER).fill_null(False)
        values = pc.cast(pc.if_else(numeric, cells, None), pa.float64())
    found = np.asarray(values.fill_null(np.nan).to_numpy(zero_copy_only=False))
    lacking = np.asarray(missing.to_numpy(zero_copy_only=False), dtype=np.bool_)
    return Numbers(found, lacking, ~lacking & ~np.isfinite(found))
