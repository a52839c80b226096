"""Cells of a column of times as milliseconds since the epoch; what is none is named."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.datasets import cells

Index = NDArray[np.int64]
UNITS: Final = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds of each unit of a number."""
FORMS: Final = "2026-01-31 14:05:00 (UTC, or with an offset such as +02:00)"
NONE: Final = np.iinfo(np.int64).min
"""Stands for what is no time."""
_SECONDS_END: Final = 1e11
"""More seconds than that since the epoch are the year 5138: such numbers are in another unit."""
_MOST: Final = 253_402_300_799_999
"""Milliseconds: the last of the year 9999."""
_DATE: Final = (
    r"^(?P<y>[0-9]{4})[-/.](?P<mo>[0-9]{1,2})[-/.](?P<d>[0-9]{1,2})"
    r"(?:[T ]+(?P<h>[0-9]{1,2}):(?P<mi>[0-9]{2})(?::(?P<s>[0-9]{2}(?:[.,][0-9]+)?))?)?"
    r" ?(?:Z|UTC|(?P<zs>[+-])(?P<zh>[0-9]{2}):?(?P<zm>[0-9]{2})?)?$"
)


def milliseconds(texts: pa.Array, unit: str | None) -> Index:
    """Each text (n,) as milliseconds since the epoch, NONE for what is neither date nor number.

    unit: of numbers, one of UNITS; None for seconds.
    """
    texts = cells.texts(texts)
    found = dates(texts)
    numbers = cells.numbers(texts)
    known = ~(numbers.bad | numbers.missing)
    scaled = np.where(known, numbers.values.astype(np.float64), 0.0) * UNITS[unit or "s"]
    known &= np.abs(scaled) <= _MOST
    return np.where(known, np.rint(np.where(known, scaled, 0.0)).astype(np.int64), found)


def dates(texts: pa.Array) -> Index:
    """The same of dates, with or without a time of day; a number is none."""
    parts = pc.extract_regex(texts, _DATE)
    return _of_dates(parts) if parts.null_count < len(parts) else np.full(len(texts), NONE)


def looks_finer(text: str) -> bool:
    """Whether a number is too large for seconds since the epoch."""
    number = cells.numbers(pa.array([text], pa.string()))
    return not (number.bad[0] or number.missing[0]) and abs(number.values[0]) > _SECONDS_END


def _of_dates(parts: pa.Array) -> Index:
    none = np.asarray(parts.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)

    def number(name: str) -> NDArray[Any]:
        text = pc.replace_substring(pc.struct_field(parts, name), ",", ".")
        text = pc.if_else(pc.equal(text, ""), "0", text)
        values = pc.cast(text, pa.float64()).fill_null(0)
        return np.asarray(values.to_numpy(zero_copy_only=False))

    year, month, day = (number(name).astype(np.int64) for name in ("y", "mo", "d"))
    hour, minute, second = (number(name) for name in ("h", "mi", "s"))
    east = np.asarray(pc.equal(pc.struct_field(parts, "zs"), "+").fill_null(False).to_numpy(False))
    zone = np.where(east, 1, -1) * (number("zh") * 60 + number("zm"))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    right = (days.astype("datetime64[M]") == months) & (month >= 1) & (month <= 12) & (day >= 1)
    right &= (hour < 24) & (minute < 60) & (second < 61) & ~none
    clock = ((hour * 60 + minute - zone) * 60 + second) * 1000
    found = days.astype(np.int64) * 86_400_000 + np.rint(clock).astype(np.int64)
    return np.where(right, found, NONE)
