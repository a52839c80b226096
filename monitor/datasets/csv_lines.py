"""The first lines of a CSV file as text, whatever its encoding, and their cells."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Final

from monitor.errors import DataError

SAMPLE_BYTES: Final = 1 << 20
SAMPLE_ROWS: Final = 2000
COMMENT: Final = "#"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_WESTERN: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and the line of the file (from 1) in which they end."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """text: of the first lines, whole ones. complete: it is the whole file. certain: the
    encoding is told by the file itself, or was given."""

    text: str
    encoding: str
    complete: bool
    certain: bool


def sample(file: IO[bytes], source: str, encoding: str | None) -> Sample:
    """Read from the beginning of a file; raises DataError for what is no text."""
    data = file.read(SAMPLE_BYTES + 1)
    complete, data = len(data) <= SAMPLE_BYTES, data[:SAMPLE_BYTES]
    name, certain = (encoding, True) if encoding else _encoding(data, source)
    try:
        text = codecs.getincrementaldecoder(name)().decode(data, complete)
    except (UnicodeError, LookupError) as error:
        raise DataError(
            f"{source}: cannot be read as CSV in encoding {name}: {error}."
            " Name the right one with --encoding, for example --encoding cp1252"
        ) from None
    if "\0" in text:
        raise DataError(
            f"{source}: cannot be read as CSV: it holds zero bytes. If it is text in another"
            " encoding, name it, for example --encoding utf-16-le"
        )
    if not complete:
        end = text.rfind("\n") + 1
        if not end:
            raise DataError(
                f"{source}: cannot be read as CSV: its first line is longer than"
                f" {SAMPLE_BYTES:,} bytes. Save such records as .npy or Parquet"
            )
        text = text[:end]
    return Sample(text, name, complete, certain)


def _encoding(data: bytes, source: str) -> tuple[str, bool]:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8", True
    try:
        data.decode(_WESTERN)
    except UnicodeDecodeError:
        raise DataError(
            f"{source}: cannot be read as CSV: neither UTF-8 nor Windows-1252. Name its encoding"
            " with --encoding"
        ) from None
    return _WESTERN, False


def rows(text: str, delimiter: str, skip: int = 0) -> list[Row]:
    """Cells of at most so many lines, trimmed, after `skip` lines; empty ones are left out, and
    comments are single cells. Raises csv.Error."""
    lines = io.StringIO(text, newline="")
    for _ in range(skip):
        lines.readline()
    reader = csv.reader(lines, delimiter=delimiter)
    found = list[Row]()
    for cells in reader:
        if any(cell.strip() for cell in cells) or len(cells) > 1:
            joined = cells[0].lstrip().startswith(COMMENT)
            kept = (delimiter.join(cells),) if joined else tuple(cell.strip() for cell in cells)
            found.append(Row(skip + reader.line_num, kept))
        if len(found) >= SAMPLE_ROWS:
            break
    return found


def line_of(lines: Iterable[str], delimiter: str, skip: int, record: int) -> int | None:
    """The line (from 1) in which a record ends, counted from 0 after `skip` lines; None if there
    are fewer. Blank lines and comments are no records."""
    reader = csv.reader(itertools.islice(lines, skip, None), delimiter=delimiter)
    try:
        for cells in reader:
            record -= bool(cells) and not cells[0].lstrip().startswith(COMMENT)
            if record < 0:
                return skip + reader.line_num
    except csv.Error:
        return None
    return None


def is_comment(row: Row) -> bool:
    """Whether a line is a remark for people."""
    return row.cells[0].startswith(COMMENT)
