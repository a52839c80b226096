"""Dialect: how a CSV file is written, decided by many of its lines and by what was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, Final

from monitor.datasets.csv_delimiter import NAMES, decimal_of, split_of
from monitor.datasets.csv_header import header_of
from monitor.datasets.csv_lines import is_comment, sample
from monitor.datasets.request import Reading
from monitor.errors import DataError

_SEPARATOR: Final = re.compile(r'^"?sep=(.)"?\r?\n', re.IGNORECASE)
"""The first line that Excel writes and obeys."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """skip: lines above the records. width: columns. names: of all columns, or () if there are
    none. index: the first column numbers the rows. empty: the last one holds nothing. longest:
    characters of the longest line seen. told: how it was read, for people, or ""."""

    encoding: str
    delimiter: str
    decimal: str
    skip: int
    width: int
    names: tuple[str, ...]
    index: bool
    empty: bool
    longest: int
    told: str


def dialect(file: IO[bytes], source: str, reading: Reading) -> Dialect:
    """Read the first lines, from the beginning; raises DataError where they cannot be told."""
    given = reading.delimiter
    lines = sample(file, source, reading.encoding)
    separator = _SEPARATOR.match(lines.text)
    if separator and given is None:
        given = separator[1]
    skip = 1 if separator else 0
    split = split_of(lines, source, given, reading.decimal, skip)
    filled = [row for row in split.rows if not is_comment(row)]
    # Names may hold commas of their own.
    decimal = decimal_of(split, source, reading.decimal, filled[1:] or filled)
    header = header_of(split, source, decimal, reading.header)
    if not header.names and reading.decimal is None:
        decimal = decimal_of(split, source, None, filled)
    told = [] if lines.certain else [f"encoding {lines.encoding} (else --encoding)"]
    if split.delimiter != "," and split.width > 1 and not separator:
        told.append(f"{NAMES.get(split.delimiter, split.delimiter)!r} between cells")
    told += [] if decimal == "." else ["decimal comma"]
    told += [] if header.names else ["no header, columns counted from 0"]
    told += ["left out: the index (the first column)"] if header.index else []
    told += ["left out: the last column, which is empty"] if header.empty else []
    return Dialect(
        encoding=lines.encoding,
        delimiter=split.delimiter,
        decimal=decimal,
        skip=max(skip, header.last),
        width=split.width,
        names=header.names,
        index=header.index,
        empty=header.empty,
        longest=max(map(len, lines.text.split("\n"))),
        told="; ".join([*told, *header.notes]),
    )


def check(reading: Reading) -> None:
    """Raise DataError for a delimiter or decimal mark that cannot be one."""
    if reading.delimiter is not None and len(reading.delimiter) != 1:
        raise DataError(f"--delimiter must be one character, got {reading.delimiter!r}")
    if reading.decimal not in (None, ".", ","):
        raise DataError(f"--decimal must be . or ,, got {reading.decimal!r}")
