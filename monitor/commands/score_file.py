"""The file of `aead-monitor score`: rows are written as they come, and it appears as a whole."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.commands.options import writing

if TYPE_CHECKING:
    from monitor.commands.score_explanations import AnomaliesExplained
    from monitor.datasets import Dataset
    from monitor.stream.records import Scores

COLUMNS: Final = ("index", "reconstruction_error", "p_value", "anomalous")
EXPLANATION: Final = "explanation"
Write = Callable[["Dataset", "Scores"], None]
Opened = Callable[[IO[bytes]], AbstractContextManager[Write]]


@contextmanager
def written(path: Path, explained: AnomaliesExplained | None = None) -> Iterator[Write]:
    """Gives what writes more rows, CSV or Parquet by the name of the file.

    explained: makes a further column that says what carries the error of anomalies, or None.
    What was there is replaced at the end; if the block fails it stays. Raises UserError if the
    file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    opened = _parquet if path.suffix.lower() == ".parquet" else _csv
    try:
        made = opened(_Columns(explained))
        with writing(str(path)), temporary.open("wb") as file, made(file) as write:
            yield write
        with writing(str(path)):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class _Columns:
    """The columns of the file, ours first."""

    def __init__(self, explained: AnomaliesExplained | None) -> None:
        self._explained = explained
        self._own = COLUMNS if explained is None else (*COLUMNS, EXPLANATION)

    def names(self, data: Dataset) -> list[str]:
        """Of all; a column that goes along has none of ours."""
        carried = (f"data.{name}" if name in self._own else name for name in data.carried)
        return [*self._own, *carried]

    def numbers(self, data: Dataset, scores: Scores) -> tuple[NDArray[Any], ...]:
        """Of COLUMNS."""
        flags = scores.anomalous.astype(np.int8)
        return (data.index, scores.reconstruction_error, scores.p_value, flags)

    def texts(self, data: Dataset, scores: Scores) -> list[Sequence[str | None]]:
        """Of all others; None in an empty cell."""
        carried = list(data.carried.values())
        if self._explained is None:
            return carried
        return [self._explained.cells(data.records, scores.anomalous), *carried]


def _csv(columns: _Columns) -> Opened:
    @contextmanager
    def opened(file: IO[bytes]) -> Iterator[Write]:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        begun = False

        def write(data: Dataset, scores: Scores) -> None:
            nonlocal begun
            if not begun:
                writer.writerow(columns.names(data))
                begun = True
            numbers = [column.tolist() for column in columns.numbers(data, scores)]
            writer.writerows(zip(*numbers, *columns.texts(data, scores), strict=True))

        yield write
        text.flush()
        text.detach()

    return opened


def _parquet(columns: _Columns) -> Opened:
    import pyarrow as pa
    import pyarrow.parquet

    types = (pa.int64(), pa.float64(), pa.float64(), pa.int8())

    @contextmanager
    def opened(file: IO[bytes]) -> Iterator[Write]:
        with ExitStack() as stack:
            writer: pyarrow.parquet.ParquetWriter | None = None

            def write(data: Dataset, scores: Scores) -> None:
                nonlocal writer
                numbers = columns.numbers(data, scores)
                arrays = [pa.array(c, t) for c, t in zip(numbers, types, strict=True)]
                arrays += [pa.array(cells, pa.string()) for cells in columns.texts(data, scores)]
                table = pa.table(arrays, names=columns.names(data))
                if writer is None:
                    writer = pyarrow.parquet.ParquetWriter(file, table.schema)
                    stack.enter_context(writer)
                writer.write_table(table)

            yield write

    return opened
