"""CSV files as tables of text."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.csv

from monitor.datasets.csv_dialect import Dialect, dialect
from monitor.datasets.csv_lines import COMMENT, line_of
from monitor.datasets.request import Reading
from monitor.datasets.source import Source
from monitor.datasets.table import Block, Table, check_names
from monitor.datasets.watching import Meter
from monitor.errors import DataError

_BLOCK_BYTES: Final = 1 << 20
_LINES: Final = 256
"""In a block, at least: the longest line that was seen tells its size."""
_MAX_BLOCK_BYTES: Final = 1 << 26
_READ_AGAIN: Final = 1_000_000
"""Records that are read again to tell lines, over all faults of a file."""
_UNREADABLE: Final = (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeError)


def read(source: Source, reading: Reading) -> Table:
    """The table of a CSV file; raises DataError if it is not one, also while it is read."""
    try:
        with source.open() as file:
            found = dialect(file, source.name, reading)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{source.name}: cannot be read as CSV: {error}") from None
    all_names = found.names or tuple(map(str, range(found.width)))
    kept = {
        name: position
        for position, name in enumerate(all_names)
        if not (found.index and position == 0) and not (found.empty and position == found.width - 1)
    }
    check_names(list(kept), source.name)

    def blocks(names: Sequence[str]) -> Iterator[Block]:
        # Without any column, rows could not be counted.
        positions = {name: kept[name] for name in names} or dict(list(kept.items())[:1])
        return _blocks(source, found, positions)

    return Table(
        source.name,
        dict.fromkeys(kept, pa.string()),
        bool(found.names),
        blocks,
        decimal=found.decimal,
        told=(found.told,) if found.told else (),
    )


class _Lines:
    """Which lines hold the records: comments and blank lines in between are left out."""

    def __init__(self, source: Source, found: Dialect) -> None:
        self._source, self._found = source, found
        self._budget = _READ_AGAIN

    def of(self, row: int) -> int:
        """The line in which a record ends, found by reading again, for the first million lines;
        further on as if there were only records."""
        if row < self._budget:
            self._budget -= row + 1
            with self._source.open() as file:
                text = io.TextIOWrapper(file, self._found.encoding, newline="")
                line = line_of(text, self._found.delimiter, self._found.skip, row)
            if line is not None:
                return line
        return self._found.skip + 1 + row

    def invalid(self, row: pyarrow.csv.InvalidRow) -> str:
        return "skip" if row.text.lstrip().startswith(COMMENT) else "error"


def _blocks(source: Source, found: Dialect, positions: dict[str, int]) -> Iterator[Block]:
    lines, meter = _Lines(source, found), Meter()
    start = 0
    try:
        with source.open(meter) as file:
            for cells in _batches(file, found, list(positions.values()), lines):
                columns = {name: cells.column(str(at)) for name, at in positions.items()}
                place = _placed(source.name, lines, start)
                yield Block(start, cells.num_rows, columns, place, meter.share)
                start += cells.num_rows
    except _UNREADABLE as error:
        hint = " Say which encoding it is with --encoding" if "UTF8" in str(error) else ""
        raise DataError(f"{source.name}: cannot be read as CSV: {error}{hint}") from None


def _placed(source: str, lines: _Lines, start: int) -> Callable[[int], str]:
    return lambda row: f"{source}, line {lines.of(start + row)}"


def _batches(
    file: object, found: Dialect, wanted: Sequence[int], lines: _Lines
) -> Iterator[pa.RecordBatch]:
    names = [str(position) for position in range(found.width)]
    size = min(max(_BLOCK_BYTES, _LINES * found.longest), _MAX_BLOCK_BYTES)
    yield from pyarrow.csv.open_csv(
        file,
        # Without threads, errors know their line.
        pyarrow.csv.ReadOptions(
            column_names=names,
            skip_rows=found.skip,
            use_threads=False,
            block_size=size,
            encoding=found.encoding.removesuffix("-sig"),
        ),
        pyarrow.csv.ParseOptions(
            delimiter=found.delimiter,
            newlines_in_values=True,
            invalid_row_handler=lines.invalid,
        ),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            include_columns=[str(position) for position in wanted],
        ),
    )
