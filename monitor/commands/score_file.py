"""The file of `aead-monitor score`: rows are written as they come, and it appears as a whole."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.commands.options import writing

if TYPE_CHECKING:
    from monitor.datasets import Dataset
    from monitor.stream.records import Scores

COLUMNS: Final = ("index", "reconstruction_error", "p_value", "anomalous")
Write = Callable[["Dataset", "Scores"], None]


@contextmanager
def written(path: Path) -> Iterator[Write]:
    """Gives what writes more rows, CSV or Parquet by the name of the file.

    What was there is replaced at the end; if the block fails it stays. Raises UserError if the
    file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    opened = _parquet if path.suffix.lower() == ".parquet" else _csv
    try:
        with writing(str(path)), temporary.open("wb") as file, opened(file) as write:
            yield write
        with writing(str(path)):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Write]:
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    begun = False

    def write(data: Dataset, scores: Scores) -> None:
        nonlocal begun
        if not begun:
            writer.writerow([*COLUMNS, *map(_name, data.carried)])
            begun = True
        columns = [column.tolist() for column in _columns(data, scores)]
        writer.writerows(zip(*columns, *data.carried.values(), strict=True))

    yield write
    text.flush()
    text.detach()


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet

    types = (pa.int64(), pa.float64(), pa.float64(), pa.int8())
    with ExitStack() as stack:
        writer: pyarrow.parquet.ParquetWriter | None = None

        def write(data: Dataset, scores: Scores) -> None:
            nonlocal writer
            arrays = [pa.array(c, t) for c, t in zip(_columns(data, scores), types, strict=True)]
            arrays += [pa.array(cells, pa.string()) for cells in data.carried.values()]
            names = [*COLUMNS, *map(_name, data.carried)]
            table = pa.table(arrays, names=names)
            if writer is None:
                writer = pyarrow.parquet.ParquetWriter(file, table.schema)
                stack.enter_context(writer)
            writer.write_table(table)

        yield write


def _name(name: str) -> str:
    """Of a column that goes along, none of ours."""
    return f"data.{name}" if name in COLUMNS else name


def _columns(data: Dataset, scores: Scores) -> tuple[NDArray[Any], ...]:
    flags = scores.anomalous.astype(np.int8)
    return (data.index, scores.reconstruction_error, scores.p_value, flags)
