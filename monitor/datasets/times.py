"""Time stamps of records: cells that are none, and records that are not in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.datasets import cells
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import Reading
from monitor.errors import DataError

SHUFFLED: Final = 0.25
"""Share of steps back in time from which on the order of a file is certainly not that of time."""
_MOSTLY: Final = 0.5
_CLOCK: Final = (
    r"(?:[T ]+(?P<h>[0-9]{1,2}):(?P<mi>[0-9]{2})(?::(?P<s>[0-9]{2}(?:[.,][0-9]+)?))?)?"
    r" ?(?P<half>[AaPp]?)[Mm]?(?:Z| ?(?P<zh>[+-][0-9]{2}):?(?P<zm>[0-9]{2})?)?$"
)
_YEAR_FIRST: Final = r"^(?P<y>[0-9]{4})[-/.](?P<b>[0-9]{1,2})[-/.](?P<a>[0-9]{1,2})" + _CLOCK
_YEAR_LAST: Final = r"^(?P<a>[0-9]{1,2})[-/.](?P<b>[0-9]{1,2})[-/.](?P<y>[0-9]{2,4})" + _CLOCK


def keys(texts: pa.Array, day_first: bool) -> NDArray[np.float64]:
    """Numbers (n,) that are in the order of the times, NaN for what is neither a number nor a date.

    day_first: 1/2/2026 is the first of February; where that cannot be, the month is the second.
    A time without a date has no order.
    """
    numbers = cells.numbers(texts)
    found = np.where(numbers.bad | numbers.missing, np.nan, numbers.values.astype(np.float64))
    for pattern, first in ((_YEAR_FIRST, True), (_YEAR_LAST, day_first)):
        parts = pc.extract_regex(texts, pattern)
        if parts.null_count < len(parts):
            found = np.where(np.isnan(found), _key(parts, first), found)
    return found


def _key(parts: pa.Array, day_first: bool) -> NDArray[np.float64]:
    """Seconds since some day, if every month had 31 days."""

    def number(name: str) -> NDArray[Any]:
        text = pc.replace_substring(pc.struct_field(parts, name), ",", ".")
        text = pc.if_else(pc.equal(text, ""), "0", text)
        return np.asarray(pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False))

    day, month = (number("a"), number("b")) if day_first else (number("b"), number("a"))
    zone = number("zh")
    zone = zone * 3600 + np.copysign(number("zm") * 60, zone)
    half = pc.utf8_lower(pc.struct_field(parts, "half"))
    afternoon = np.asarray(pc.equal(half, "p").fill_null(False).to_numpy(zero_copy_only=False))
    twelve = np.asarray(pc.not_equal(half, "").fill_null(False).to_numpy(zero_copy_only=False))
    hour = np.where(twelve, number("h") % 12 + 12 * afternoon, number("h"))
    days = (number("y") * 12 + month) * 31 + day
    seconds = ((days * 24 + hour) * 60 + number("mi")) * 60 + number("s") - zone
    return np.asarray(np.where(month <= 12, seconds, np.nan), dtype=np.float64)


@dataclass
class _Order:
    """Steps of each series from one record to the next, under one reading of dates."""

    day_first: bool
    steps: int = 0
    back: int = 0
    same: int = 0
    unread: int = 0
    example: str = ""
    last: dict[Any, tuple[float, str]] = field(default_factory=dict)

    def add(self, texts: pa.Array, series: Sequence[Any]) -> None:
        found = keys(texts, self.day_first)
        self.unread += int(np.isnan(found).sum())
        for name, key, text in zip(series, found.tolist(), texts.to_pylist(), strict=True):
            before = self.last.get(name)
            self.last[name] = (key, text)
            if before is None:
                continue
            self.steps += 1
            self.same += key == before[0]
            if key < before[0]:
                self.back += 1
                self.example = self.example or f"{text} after {before[1]}"


def checked(parts: Iterable[Dataset], reading: Reading, source: str) -> Iterator[Dataset]:
    """The same parts; at the end it is said which cells of --time are no times, where most are."""
    total, wrong, example, column = 0, 0, "", reading.time or ""
    for part in parts:
        if column in part.carried:
            texts = cells.texts(pa.array(part.carried[column], pa.string()))
            known = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False))
            bad = known & ~np.asarray(cells.time_like(texts))
            total, wrong = total + int(known.sum()), wrong + int(bad.sum())
            if bad.any() and not example:
                at = int(np.flatnonzero(bad)[0])
                example = f"{texts[at].as_py()[:40]!r} in {part.name(at)}"
        yield part
    if wrong and wrong <= _MOSTLY * total:
        reading.say(
            f"{source}: WARNING: --time {reading.time}: {wrong:,} of {total:,} cells are no times,"
            f" the first {example} (counting from 0). Remove what is no record, such as a sum"
        )
    elif wrong:
        reading.say(
            f"{source}: WARNING: --time {reading.time}: the cells are no times that are known,"
            f" the first {example} (counting from 0). Their order is not checked"
        )


def in_order(
    parts: Iterable[Dataset], reading: Reading, source: str, by: str = ""
) -> Iterator[Dataset]:
    """The same parts, whose order matters; at the end it is said if times go back or repeat.

    by: the column that says which series a record belongs to. Raises DataError if so many steps
    go back in time that the order is certainly another one.
    """
    orders, column = [_Order(True), _Order(False)], reading.time or ""
    for part in parts:
        if column in part.carried:
            texts = cells.texts(pa.array(part.carried[column], pa.string()))
            series = part.carried[by] if by in part.carried else [""] * len(texts)
            for order in orders:
                order.add(texts, series)
        yield part
    _tell(min(orders, key=lambda each: (each.unread, each.back)), reading, source, by)


def _tell(order: _Order, reading: Reading, source: str, by: str) -> None:
    advice = f"Sort the file by {by} and {reading.time}" if by else f"Sort it by {reading.time}"
    advice += "" if by else ", or say --window and --by if it holds several series"
    whose = f" of the same {by}" if by else ""
    if order.back:
        text = (
            f"--time {reading.time}: {order.back:,} of {order.steps:,} steps from one record to"
            f" the next{whose} go back in time ({order.example}), and the order of the file"
            f" matters here. {advice}"
        )
        if order.back >= SHUFFLED * order.steps:
            raise DataError(f"{source}: {text}")
        reading.say(f"{source}: WARNING: {text}")
    elif order.same:
        reading.say(
            f"{source}: WARNING: --time {reading.time}: {order.same:,} of {order.steps:,} records"
            f" have the time of the one before{whose}. Are records there twice,"
            f" or several series mixed{'' if by else ' (--window, --by)'}?"
        )
