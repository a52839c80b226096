"""Changes that are known to have happened: read from a file, and found among the records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.files import read_bounded
from monitor.backtest.instants import FORMS, NONE, dates
from monitor.errors import DataError

_BYTES: Final = 1 << 24
_COLUMNS: Final = ("begin", "end", "name", "segment")
_ROW_END: Final = 10**15
"""No file has so many rows."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A place among the records. row: counted from 0, or else time: milliseconds since the
    epoch; the first record that is not before it is meant."""

    row: int | None
    time: int | None
    text: str

    @property
    def value(self) -> int:
        """To compare moments of one kind by."""
        return self.row if self.row is not None else self.time or 0


@dataclass(frozen=True, slots=True)
class TrueChange:
    """What changed, from `begin` on and up to before `end`; None if it lasts.

    segment: the only one that did, "" if that is not said.
    """

    name: str
    begin: Moment
    end: Moment | None
    segment: str = ""

    def concerns(self, segment: str) -> bool:
        """Whether it may be of this segment, "" for the whole stream."""
        return "" in (self.segment, segment) or self.segment == segment


def read(path: str, timed: bool) -> tuple[TrueChange, ...]:
    """The changes in a CSV file, in order, none beginning before the end of another, unless each
    is of a segment of its own.

    timed: whether records have times of their own, so that changes may. Raises DataError, which
    names line and column.
    """
    rows = list(_rows(path))
    if not rows:
        raise DataError(
            f"{path}: is empty. Give a line 'begin,end,name' and one line for each change"
        )
    header = [cell.strip() for cell in rows[0][1]]
    _check_header(path, rows[0][0], header)
    found: list[TrueChange] = []
    latest: dict[str, TrueChange] = {}
    for line, row in rows[1:]:
        if len(row) > len(header):
            raise DataError(
                f"{path}: line {line}: {len(row)} cells, but the first line names {len(header)}"
                " columns. Put a name that holds a comma in quotes"
            )
        named = dict(zip(header, (cell.strip() for cell in row), strict=False))
        found.append(_change(path, line, named, timed, len(found)))
        _check_order(path, line, found, latest)
    if not found:
        raise DataError(f"{path}: names no change. Give one line for each, or leave --changes out")
    return tuple(found)


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line that is not blank, and its number, from 1."""
    try:
        data = read_bounded(Path(path), _BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if data is None:
        raise DataError(f"{path}: is larger than {_BYTES:,} bytes: is it a file of changes?")
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text. Save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}") from None


def _check_header(path: str, line: int, header: list[str]) -> None:
    unknown = [name for name in header if name not in _COLUMNS]
    if "begin" not in header or unknown or len(set(header)) < len(header):
        raise DataError(
            f"{path}: line {line}: the columns are {', '.join(map(repr, header))[:120]}, and must"
            " be begin, and, if you like, end, name and segment"
        )


def _change(path: str, line: int, named: dict[str, str], timed: bool, count: int) -> TrueChange:
    begin = _moment(path, line, "begin", named["begin"], timed)
    end = _moment(path, line, "end", named["end"], timed) if named.get("end") else None
    if end is not None and (begin.row is None) != (end.row is None):
        raise _fault(path, line, "end", f"{end.text!r} is not of the kind of begin, {begin.text!r}")
    if end is not None and end.value <= begin.value:
        raise _fault(path, line, "end", f"{end.text} is not after begin, {begin.text}")
    name = named.get("name") or f"change {count + 1}"
    return TrueChange(name, begin, end, named.get("segment", ""))


def _moment(path: str, line: int, column: str, text: str, timed: bool) -> Moment:
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_ROW_END)):
        return Moment(int(text), None, text)
    (time,) = dates(pa.array([text], pa.string())).tolist()
    if time == NONE:
        raise _fault(
            path, line, column,
            f"{text!r:.60} is neither a row, counted from 0, nor a time such as {FORMS}",
        )  # fmt: skip
    if not timed:
        raise _fault(
            path, line, column,
            f"{text!r} is a time, but the records have none. Give rows, or --time-column",
        )  # fmt: skip
    return Moment(None, time, text)


def _check_order(
    path: str, line: int, found: list[TrueChange], latest: dict[str, TrueChange]
) -> None:
    """latest: of those of each segment, the one that ends last."""
    last = found[-1]
    if len(found) > 1:
        _check_begins(path, line, *found[-2:])
    for before in latest.values():
        until = before.end or before.begin
        if last.concerns(before.segment) and (
            last.begin.value < until.value or last.begin.value == before.begin.value
        ):
            raise _fault(
                path, line, "begin",
                f"{last.begin.text} is not after the change above, which has {until.text}. Sort"
                " them, and let none begin before another ends",
            )  # fmt: skip
    latest[last.segment] = last


def _check_begins(path: str, line: int, before: TrueChange, last: TrueChange) -> None:
    if (before.begin.row is None) != (last.begin.row is None):
        raise _fault(
            path, line, "begin",
            f"{last.begin.text!r} is not of the kind of {before.begin.text!r} above: give rows"
            " everywhere, or times",
        )  # fmt: skip
    if last.begin.value < before.begin.value:
        raise _fault(
            path, line, "begin",
            f"{last.begin.text} is not after the change above, which has {before.begin.text}. Sort"
            " them",
        )  # fmt: skip


def _fault(path: str, line: int, column: str, text: str) -> DataError:
    return DataError(f"{path}: line {line}, column {column}: {text}")


class Places:
    """Finds the rows of moments among records that come in parts, in the order of time."""

    def __init__(self, changes: tuple[TrueChange, ...]) -> None:
        moments = [m for each in changes for m in (each.begin, each.end) if m is not None]
        self._waiting = sorted((m for m in moments if m.row is None), key=lambda m: m.value)
        self._rows = {m: m.row for m in moments if m.row is not None}

    def see(self, timestamps: NDArray[np.int64], first: int) -> None:
        """Records came. timestamps: ascending, milliseconds. first: row of the first of them."""
        while self._waiting and (self._waiting[0].time or 0) <= timestamps[-1]:
            moment = self._waiting.pop(0)
            self._rows[moment] = first + int(timestamps.searchsorted(moment.time or 0))

    def row(self, moment: Moment) -> int | None:
        """The row of a moment; None while no record has come that is not before it."""
        return self._rows.get(moment)
