"""Parquet and Arrow IPC (Feather) files as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from monitor.datasets.request import Reading
from monitor.datasets.source import Source
from monitor.datasets.table import Block, Table, check_names
from monitor.datasets.watching import share_at
from monitor.errors import DataError

_ROWS: Final = 8192
"""In memory at a time, at most."""
_CELLS: Final = 1 << 22
_LIST: Final = 1024
"""What a cell counts that holds a list."""
_FEATHER_1: Final = b"FEA1"


def read(source: Source, reading: Reading) -> Table:
    """The table of a file; raises DataError if it is none, also while it is read."""
    open_ = _parquet if source.kind == "parquet" else _ipc
    with _readable(source), source.open() as file:
        opened = open_(file)
        schema, count = opened.schema, opened.rows
    check_names(schema.names, source.name)
    index = tuple(name for name in _index(schema) if name in schema.names)
    unnamed = [name for name in index if name.startswith("__index_level_")]
    types = {field.name: field.type for field in schema if field.name not in unnamed}
    kept = tuple(name for name in index if name not in unnamed)
    rows = _rows_of(schema)

    def blocks(names: Sequence[str]) -> Iterator[Block]:
        start, wanted = 0, list(names) or schema.names[:1]
        with _readable(source), source.open() as file:
            for cells in open_(file).batches(wanted, rows):
                columns = {name: cells.column(name) for name in wanted}
                share = share_at(file) if count is None else None
                yield Block(start, cells.num_rows, columns, _placed(source.name, start), share)
                start += cells.num_rows

    told = [f"left out: the index {name!r}, kept as id" for name in kept]
    told += ["left out: the index"] * bool(unnamed)
    return Table(source.name, types, True, blocks, kept, told=tuple(told), rows=count)


def _placed(source: str, start: int) -> Callable[[int], str]:
    return lambda row: f"{source}, row {start + row} (counting from 0)"


@contextmanager
def _readable(source: Source) -> Iterator[None]:
    kind = "Parquet" if source.kind == "parquet" else "Arrow IPC (Feather)"
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source.name}: cannot be read as {kind}: {text}") from None


def _index(schema: pa.Schema) -> list[str]:
    """Columns that pandas wrote as the index of a frame."""
    metadata: Any = schema.pandas_metadata or {}
    columns = metadata.get("index_columns", []) if isinstance(metadata, dict) else []
    named = [name for name in columns if isinstance(name, str)]
    return named + [n for n in schema.names if n.startswith("__index_level_") and n not in named]


def _rows_of(schema: pa.Schema) -> int:
    nested = sum(_LIST for field in schema if pa.types.is_nested(field.type))
    return max(16, min(_ROWS, _CELLS // max(1, len(schema) + nested)))


Batches = Callable[[Sequence[str], int], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class _Opened:
    """batches: the rows of some columns, so many at a time. rows: in all, if the file says it."""

    schema: pa.Schema
    batches: Batches
    rows: int | None = None


def _parquet(file: IO[bytes]) -> _Opened:
    # Buffered beforehand, all of the file would be in memory before it ends.
    opened = pyarrow.parquet.ParquetFile(file, pre_buffer=False)
    return _Opened(
        opened.schema_arrow,
        lambda names, rows: opened.iter_batches(rows, columns=list(names)),
        opened.metadata.num_rows,
    )


def _ipc(file: IO[bytes]) -> _Opened:
    start = file.read(len(_FEATHER_1))
    file.seek(0)
    if start == _FEATHER_1:
        raise pa.ArrowInvalid("it is Feather version 1. Save it as version 2, or as Parquet")
    if start == b"ARRO":
        opened = pyarrow.ipc.open_file(file)
        parts = (opened.get_batch(i) for i in range(opened.num_record_batches))
        return _Opened(opened.schema, lambda _, rows: _cut(parts, rows))
    stream = pyarrow.ipc.open_stream(file)
    return _Opened(stream.schema, lambda _, rows: _cut(stream, rows))


def _cut(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
