"""Tables from files of any kind, and the records in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.schema import Schema
from monitor.datasets import arrow_table, cells, csv_table, places
from monitor.datasets.csv_dialect import check
from monitor.datasets.dataset import Dataset
from monitor.datasets.profile import chosen_rows, taken
from monitor.datasets.request import Reading
from monitor.datasets.rows import Converter
from monitor.datasets.source import Source
from monitor.datasets.table import Table, joined, watched, with_partitions
from monitor.errors import DataError


def opened(paths: Sequence[str], reading: Reading) -> Table:
    """One table of all files that the paths name; raises DataError if they do not go together."""
    check(reading)
    sources = [source for path in paths for source in places.tables(path, reading.watch)]
    tables = [_opened(source, reading) for source in sources]
    name = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return watched(joined(tables, name), reading.watch)


def _opened(source: Source, reading: Reading) -> Table:
    read = csv_table.read if source.kind == "csv" else arrow_table.read
    return with_partitions(read(source, reading), source.partitions)


def told(table: Table, reading: Reading) -> None:
    """Say how the files were read, where that is not plain."""
    for text in table.told:
        reading.say(f"{table.source}: {text}")


def datasets(
    table: Table,
    converter: Converter,
    schema: Schema,
    chosen: NDArray[np.int64] | None,
    columns: Sequence[str],
    carried: Sequence[str],
) -> Iterator[Dataset]:
    """The chosen rows as records, block by block; raises DataError if there are none.

    columns: that the converter reads. carried: those that go along.
    """
    some = False
    wanted = list(dict.fromkeys([*columns, *carried]))
    for block, at in chosen_rows(table.read(wanted), chosen):
        records, rows = converter.records(block, at)
        if rows.size:
            some = True
            extra = {name: _texts(taken(block.columns[name], rows)) for name in carried}
            yield Dataset(records, schema, (), block.first + rows, extra)
    if not some:
        raise DataError(f"{table.source}: there are no records. Give at least one of one number")


def _texts(column: pa.Array) -> list[str | None]:
    column = cells.plain(column)
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return list(map(str, column.to_pylist()))
    return list(column.cast(pa.string()).to_pylist())
