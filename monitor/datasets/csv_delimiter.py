"""Which character parts the cells of a CSV file, and whether numbers have a decimal comma.

It is decided on many lines, and asked for where two readings are plausible.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.datasets import csv_values
from monitor.datasets.csv_lines import Row, Sample, is_comment, rows
from monitor.errors import DataError

DELIMITERS: Final = (",", ";", "\t", "|")
NAMES: Final = {"\t": "tab", " ": "blank"}
_TRIED: Final = 1000
"""Cells that say whether a delimiter makes sense of the lines."""


@dataclass(frozen=True, slots=True)
class Split:
    """rows: all lines as cells. body: without comments and the first line, which may be a header;
    at least one. width: cells in nearly all lines of the body. clean: share of cells that hold no
    other delimiter."""

    delimiter: str
    rows: tuple[Row, ...]
    body: tuple[Row, ...]
    width: int
    clean: float

    @property
    def first(self) -> Row:
        """The first line that is no comment."""
        return next(row for row in self.rows if not is_comment(row))

    @property
    def even(self) -> bool:
        """Whether all lines have as many cells."""
        short = len(self.first.cells) == self.width - 1 and self.first_may_be_short
        return not self.odd_rows and (short or len(self.first.cells) == self.width)

    @property
    def first_may_be_short(self) -> bool:
        """Whether the first line lacks one name: of an index, or of what ends with a delimiter."""
        if not any(row.cells[-1] for row in self.body):
            return True
        index = [row.cells[0] for row in self.body]
        words = all(csv_values.is_word(cell) for cell in index)
        return words or is_count(index)

    @property
    def odd_rows(self) -> list[Row]:
        """Lines of the body with another number of cells."""
        return [row for row in self.body if len(row.cells) != self.width]


def is_count(cells: Sequence[str]) -> bool:
    """Whether they are whole numbers, each one more than the one before."""
    if not all(map(csv_values.is_whole, cells)):
        return False
    values = list(map(int, cells))
    return values == list(range(values[0], values[0] + len(values)))


def split_of(
    sample: Sample, source: str, delimiter: str | None, decimal: str | None, skip: int
) -> Split:
    """The lines as the likeliest delimiter parts them; raises DataError if none does.

    delimiter, decimal: as given, or None. skip: lines to leave out.
    """
    tried = [delimiter] if delimiter else list(DELIMITERS)
    found = {each: _split(sample, source, each, skip) for each in tried}
    if not delimiter and _is_single(found[","], decimal):
        return found[";"]
    even = [split for split in found.values() if split.even and (split.width > 1 or delimiter)]
    if even:
        return max(even, key=lambda split: split.clean)
    if all(split.width == 1 and split.even for split in found.values()):
        return (None if delimiter else _blanks(sample, source, skip)) or next(iter(found.values()))
    parted = [split for split in found.values() if split.width > 1] or list(found.values())
    raise _uneven(min(parted, key=lambda split: len(split.odd_rows)), source)


def _split(sample: Sample, source: str, delimiter: str, skip: int) -> Split:
    try:
        all_rows = rows(sample.text, delimiter, skip)
    except csv.Error as error:
        raise DataError(f"{source}: cannot be read as CSV: {error}") from None
    filled = [row for row in all_rows if not is_comment(row)]
    if not filled:
        raise DataError(f"{source}: the file is empty. Give at least one record")
    body = filled[1:] or filled
    widths = [len(row.cells) for row in body]
    width = max(sorted(set(widths), reverse=True), key=widths.count)
    cells = [cell for row in body for cell in row.cells][:_TRIED]
    clean = sum(_is_clean(cell, delimiter) for cell in cells) / len(cells)
    return Split(delimiter, tuple(all_rows), tuple(body), width, clean)


def _is_clean(cell: str, delimiter: str) -> bool:
    if csv_values.is_number(cell, "." if delimiter == "," else None):
        return True
    return not any(other in cell for other in DELIMITERS if other != delimiter)


def _blanks(sample: Sample, source: str, skip: int) -> Split | None:
    """Numbers parted by single blanks, if that is what the lines are."""
    split = _split(sample, source, " ", skip)
    if split.width == 1:
        return None
    cells = [cell for row in split.body for cell in row.cells]
    if split.even and all(csv_values.is_number(cell, ".") for cell in cells):
        return split
    if all(csv_values.is_number(cell, ".") for cell in cells if cell):
        raise DataError(
            f"{source}: cells seem to be parted by several blanks. Save it with one comma between"
            " two cells"
        )
    return None


def _is_single(split: Split, decimal: str | None) -> bool:
    """Whether a line is one number with a decimal comma: it is below one name, or was said."""
    lines = [",".join(row.cells) for row in split.body]
    if decimal == "." or not all(csv_values.is_number(line, ",") for line in lines):
        return False
    halves = any("," in line for line in lines)
    return halves and (decimal == "," or len(split.first.cells) == 1)


def _uneven(split: Split, source: str) -> DataError:
    row = (split.odd_rows or [split.first])[0]
    count, name = len(row.cells), NAMES.get(split.delimiter, split.delimiter)
    cells = "1 cell" if count == 1 else f"{count} cells"
    return DataError(
        f"{source}: cannot be read as CSV: line {row.line} has {cells}, most have {split.width}"
        f" with {name!r} between them. Remove what is no record, or say what parts cells with"
        " --delimiter"
    )


def decimal_of(split: Split, source: str, given: str | None, body: Sequence[Row]) -> str:
    """A point or a comma; raises DataError if the numbers could be meant either way."""
    if given:
        return given
    if split.delimiter == "," and _may_be_halves(split, body):
        raise DataError(
            f"{source}: every line is two whole numbers with a comma between. Say --decimal ,"
            " if each is one number with a decimal comma, or --decimal . if they are two"
        )
    cells = [cell for row in body for cell in row.cells]
    with_comma, as_thousands = csv_values.commas(cells)
    if not with_comma:
        return "."
    if with_comma == as_thousands:
        raise DataError(
            f"{source}: numbers such as {next(c for c in cells if ',' in c)!r} may have a decimal"
            " comma or one that parts thousands. Say --decimal , for the first, and save the file"
            " without it for the other"
        )
    if any("." in cell and csv_values.is_number(cell, ".") for cell in cells):
        raise DataError(
            f"{source}: some numbers have a decimal point and some a comma. Say which is right"
            " with --decimal"
        )
    return ","


def _may_be_halves(split: Split, body: Sequence[Row]) -> bool:
    """Two whole numbers in every line and no names: perhaps one with a decimal comma."""
    if split.width != 2 or len(split.rows) != len(body):
        return False
    return all(
        len(row.cells) == split.width
        and csv_values.is_whole(row.cells[0])
        and csv_values.is_unsigned(row.cells[1])
        for row in body
    )
