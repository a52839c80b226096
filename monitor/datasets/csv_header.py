"""Whether the first line of a CSV file names its columns, and how they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.datasets import csv_values
from monitor.datasets.csv_delimiter import Split, is_count
from monitor.datasets.csv_lines import COMMENT, Row, is_comment
from monitor.errors import DataError

_MOSTLY: Final = 0.5
INDEX: Final = "Unnamed: 0"
"""What pandas calls an index that it wrote without a name, and read as a column."""


@dataclass(frozen=True, slots=True)
class Header:
    """names: of the columns, or () if there are none. last: the line with which the records
    begin to follow. index: the first column numbers the rows. empty: the last one holds nothing.
    notes: for people."""

    names: tuple[str, ...]
    last: int
    index: bool = False
    empty: bool = False
    notes: tuple[str, ...] = ()


def header_of(split: Split, source: str, decimal: str, given: bool | None) -> Header:
    """What stands above the records; raises DataError where that could be either."""
    filled = [row for row in split.rows if not is_comment(row)]
    before = split.rows[: split.rows.index(filled[0])]
    comment = _names_in_comment(before, split, decimal)
    if given is None and comment:
        return Header(comment, filled[0].line - 1, notes=(f"names from line {before[-1].line}",))
    if given is None:
        _refuse_title(filled, split.width, source)
    named = _is_header(split, source, decimal) if given is None else given
    if not named:
        last = before[-1].line if before else 0
        return Header((), last)
    units = _units(filled, decimal)
    notes = (f"left out: line {units.line}, {', '.join(units.cells)}",) if units else ()
    last = units.line if units else filled[0].line
    body = filled[2 if units else 1 :]
    return _named(filled[0], body, split.width, source, Header((), last, notes=notes))


def _refuse_title(filled: Sequence[Row], width: int, source: str) -> None:
    """A first line of one word and empty cells, as spreadsheets write a title above a table."""
    first = [cell for cell in filled[0].cells if cell]
    alone = len(first) == 1 and len(filled[0].cells) == width > 2
    if alone and len(filled) > 1 and csv_values.is_word(first[0]):
        raise DataError(
            f"{source}: line {filled[0].line} holds only {first[0][:40]!r}: a title? Remove the"
            " lines above the names of the columns, or say --header"
        )


def _names_in_comment(before: Sequence[Row], split: Split, decimal: str) -> tuple[str, ...]:
    """As numpy.savetxt writes them: the last comment above records has as many words as they."""
    if not before or not all(csv_values.is_number(cell, decimal) for cell in split.first.cells):
        return ()
    text = before[-1].cells[0].lstrip(COMMENT)
    cells = tuple(cell.strip() for cell in text.split(split.delimiter))
    fits = len(cells) == split.width > 1 and len(set(cells)) == split.width
    return cells if fits and all(csv_values.is_word(cell, decimal) for cell in cells) else ()


def _is_header(split: Split, source: str, decimal: str) -> bool:
    first, body = split.first.cells, [row.cells for row in split.rows if not is_comment(row)][1:]
    if not body:
        return any(csv_values.is_word(cell, decimal) for cell in first)
    if len(first) < split.width:
        return True
    columns = list(zip(*body, strict=False))
    numeric = [_share(column, decimal) >= _MOSTLY for column in columns]
    words = [csv_values.is_word(cell, decimal) for cell in first]
    if any(word and number for word, number in zip(words, numeric, strict=False)):
        return True
    if not any(numeric):
        recurs = any(cell in column for cell, column in zip(first, columns, strict=False))
        return all(words) and not recurs
    _refuse_numeric_names(first, columns, decimal, source)
    return False


def _share(column: Sequence[str], decimal: str) -> float:
    known = [cell for cell in column if not csv_values.is_missing(cell)]
    return sum(csv_values.is_number(cell, decimal) for cell in known) / max(1, len(known))


def _refuse_numeric_names(
    first: Sequence[str], columns: Sequence[Sequence[str]], decimal: str, source: str
) -> None:
    """The names of a frame that was made without any are 0, 1, 2: they look like a record."""
    names = [cell for cell in first if cell]
    whole = bool(names) and all(map(csv_values.is_whole, names)) and len(set(names)) == len(names)
    if not whole:
        return
    counted = is_count(names) and names[0] in ("0", "1") and len(names) > 1
    above_decimals = all(
        sum(not csv_values.is_whole(cell) for cell in column) > _MOSTLY * len(column)
        for cell, column in zip(first, columns, strict=False)
        if cell
    )
    continues = all(is_count([cell, *column]) for cell, column in zip(first, columns, strict=False))
    if not first[0] or above_decimals or (counted and len(names) > 2 and not continues):
        raise DataError(
            f"{source}: the first line, {', '.join(first[:6])}, may be the names of columns or a"
            " record. Say --header yes or --header no"
        )


def _units(filled: Sequence[Row], decimal: str) -> Row | None:
    """The second line, if it holds words above numbers and no number itself."""
    if len(filled) < 3:
        return None
    cells, body = filled[1].cells, [row.cells for row in filled[2:]]
    if any(csv_values.is_number(cell, decimal) for cell in cells):
        return None
    columns = zip(cells, zip(*body, strict=False), strict=False)
    above = [cell for cell, column in columns if _share(column, decimal) == 1]
    words = [csv_values.is_word(cell, decimal) for cell in above]
    return filled[1] if above and any(words) else None


def _named(first: Row, body: Sequence[Row], width: int, source: str, header: Header) -> Header:
    names = list(first.cells)
    empty = bool(body) and not any(row.cells[-1] for row in body) and width > 1
    if len(names) < width:
        names = [*names, ""] if empty else ["", *names]
    empty = empty and not names[-1]
    index = names[0] in ("", INDEX) and width > 1
    if index and body and not _may_be_index([row.cells[0] for row in body]):
        raise _nameless(source, 0)
    for position, name in enumerate(names[: width - empty]):
        if not name and position:
            raise _nameless(source, position)
    _refuse_repeated(names, source)
    return Header(tuple(names), header.last, index, empty, header.notes)


def _may_be_index(cells: Sequence[str]) -> bool:
    """Whole numbers or words, which number or name rows."""
    return all(csv_values.is_whole(cell) or csv_values.is_word(cell) for cell in cells)


def _nameless(source: str, position: int) -> DataError:
    return DataError(
        f"{source}: column {position} (counting from 0) has no name. Give it one in the first"
        " line, or remove it; --header no if the first line is a record"
    )


def _refuse_repeated(names: Sequence[str], source: str) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if repeated:
        raise DataError(
            f"{source}: several columns have the name {', '.join(map(repr, repeated))}. Give each"
            " a name of its own"
        )
