"""The records of a file, each of which comes when `Times` says, as of one partition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.backtest.given_rows import GivenRows
from monitor.backtest.times import Times
from monitor.datasets import Dataset
from monitor.datasets.fitting import as_recorded, in_type
from monitor.datasets.parts import regrouped
from monitor.errors import DataError
from monitor.stream.batching import BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Partition


class TakesRows(Protocol):
    """A backtest, as far as it matters here.

    given: is given the rows of each batch. place: the partition that all records are of. spec: of
    what the data must hold, single steps where the model takes windows. by: the column that says
    which series a step is of, or "". segment_column: the one that names its segment, or "".
    """

    given: GivenRows
    place: Partition
    spec: InputSpec
    by: str
    segment_column: str


class FilePast:
    """Implements `Past` for parts of a file.

    source: of the parts, for people. takes: what takes them. Raises DataError.
    """

    def __init__(
        self, parts: Iterable[Dataset], source: str, times: Times, takes: TakesRows
    ) -> None:
        self.source, self.words = source, times.words
        self.column, self.rate = times.column, times.rate
        self._parts, self._times, self._takes = parts, times, takes

    def batches(self, limits: BatchLimits) -> Iterator[Columns]:
        """See `Past`. The rows of a batch are those that are given last."""
        takes, first = self._takes, 0
        with closing(regrouped(self._parts, limits.max_records)) as parts:  # type: ignore[type-var]
            for data in parts:
                stamps = self._times.of(data)
                segments = segments_in(data, takes.segment_column, self.source)
                takes.given.give(rows_of(data, takes.spec, self.source), segments)
                yield columns_of(data, takes.place, first, stamps, takes.by)
                first += len(data.records)

    def address(self, partition: Partition, offset: int) -> str:
        """See `Past`."""
        return f"row {offset:,}"

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Past`."""
        return ()

    @property
    def topic(self) -> dict[str, Any] | None:
        """See `Past`."""
        return None


def rows_of(data: Dataset, spec: InputSpec, source: str) -> NDArray[Any]:
    """Rows as a producer would send them; raises DataError if they do not fit the model.

    spec: of single steps where the model takes windows.
    """
    return in_type(as_recorded(data.records, spec, source), spec)


def segments_in(data: Dataset, column: str, source: str) -> list[bytes]:
    """What names the segment of each record; nothing if no column does. Raises DataError."""
    if not column:
        return []
    if column not in data.carried:
        raise DataError(
            f"{source}: no column {column!r:.80}, which says of which segment each row is. Name the"
            " right one (--segment-column NAME), or judge no segments (--no-segments)"
        )
    return [(cell or "").encode() for cell in data.carried[column]]


def columns_of(
    data: Dataset, place: Partition, first: int, times: NDArray[np.int64], by: str
) -> Columns:
    """The records as if they had come from a topic when they were stamped.

    first: offset of the first. by: the column that says which series each is of, or "".
    """
    count = len(data.records)
    keys = [(cell or "").encode() for cell in data.carried[by]] if by else [None] * count
    offsets = first + np.arange(count, dtype=np.int64)
    return Columns(
        partitions=(place,),
        partition=np.zeros(count, dtype=np.int64),
        offsets=offsets,
        next_offsets=offsets + 1,
        timestamps=times,
        values=[b""] * count,
        keys=keys,
        headers=[()] * count,
        sizes=np.zeros(count, dtype=np.int64),
        arrivals=times,
    )
