"""CSV files: comma, semicolon or tab; a first line with any cell that is no number is a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from monitor.datasets.table import Block, Column, Table
from monitor.errors import DataError

_DELIMITERS = ",;\t"


def read(path: Path) -> Table:
    """The table of a CSV file; raises DataError if it is not one, also while it is read."""
    first, delimiter = _first_line(path)
    header = any(not _is_number(cell) for cell in first)
    names = tuple(cell.strip() or f"column {i}" for i, cell in enumerate(first)) if header else ()
    # Line 1 of the file is the header, or else row 0.
    first_line = 2 if header else 1

    def texts(positions: Sequence[int]) -> Iterator[pa.RecordBatch]:
        return _cells(path, len(first), delimiter, int(header), positions)

    def blocks(positions: Sequence[int]) -> Iterator[Block]:
        start = 0
        for cells in texts(positions):
            yield Block(start, cells.num_rows, column(cells, start + first_line))
            start += cells.num_rows

    def column(cells: pa.RecordBatch, line: int) -> Column:
        def numbers(position: int, rows: NDArray[np.int64]) -> NDArray[Any]:
            source = f"{path}: column {(names[position] if names else str(position))!r}"
            return _numbers(cells.column(str(position)), rows, source, line)

        return numbers

    def labels(position: int) -> NDArray[Any]:
        cells = [cell for part in texts([position]) for cell in part.column(0).to_pylist()]
        found = np.array(cells, dtype=np.str_)
        try:
            return found.astype(np.float64)
        except ValueError:
            return found

    return Table(str(path), names, len(first), blocks, labels)


def _first_line(path: Path) -> tuple[list[str], str]:
    """Cells of the first line that has any, and the delimiter."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = next((line for line in file if line.strip()), "")
            delimiter = max(_DELIMITERS, key=line.count)
            file.seek(0)
            filled = (row for row in csv.reader(file, delimiter=delimiter) if row)
            cells = next(filled, None)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if cells is None:
        raise DataError(f"{path}: the file is empty. Give at least one record")
    return cells, delimiter


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _cells(
    path: Path, columns: int, delimiter: str, skip: int, wanted: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    """The cells of the wanted columns as text, without the header, about a megabyte at a time."""
    names = [str(position) for position in range(columns)]
    try:
        yield from pyarrow.csv.open_csv(
            path,
            # Without threads, errors know their line.
            pyarrow.csv.ReadOptions(
                column_names=names, skip_rows_after_names=skip, use_threads=False
            ),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                include_columns=[str(position) for position in wanted],
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None


def _numbers(
    cells: pa.Array, rows: NDArray[np.int64], source: str, first_line: int
) -> NDArray[np.float64]:
    """first_line: of the first of the cells. rows: ascending."""
    chosen = cells if rows.size == len(cells) else cells.take(pa.array(rows))
    chosen = pc.utf8_trim_whitespace(chosen)
    try:
        values: NDArray[np.float64] = pc.cast(chosen, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        texts = chosen.to_pylist()
        for row, text in zip(rows.tolist(), texts, strict=True):
            if not text or not _is_number(text):
                raise _bad_cell(source, row + first_line, text) from None
        values = np.array([float(text) for text in texts])
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise _bad_cell(source, int(rows[bad[0]]) + first_line, chosen[int(bad[0])].as_py())
    return values


def _bad_cell(source: str, line: int, text: str) -> DataError:
    what = f"{text[:40]!r} is not a finite number" if text else "the cell is empty"
    return DataError(
        f"{source}, line {line}: {what}. Fill in a number, or remove the line or the column"
    )
