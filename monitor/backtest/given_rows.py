"""Records of a file as the daemon's pipeline takes them: columns, and rows in place of payloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.datasets import Dataset
from monitor.datasets.fitting import as_recorded, in_type
from monitor.errors import DecodeError
from monitor.stream.columns import Columns
from monitor.stream.records import Partition


class GivenRows:
    """Stands where the daemon has a codec: the rows of the next batch are given as they are."""

    def __init__(self) -> None:
        self._rows: NDArray[Any] = np.empty((0, 1))

    def give(self, rows: NDArray[Any]) -> None:
        """The rows of the records that come next, one each."""
        self._rows = rows

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[Any]:
        """Raises DecodeError: what is read from a file has no payloads to read again."""
        raise DecodeError("undecodable", "records of a file have no payloads")

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        """What was given."""
        return Decoded(self._rows, np.ones(len(values), dtype=np.int64), {})


def rows_of(data: Dataset, spec: InputSpec, source: str) -> NDArray[Any]:
    """Rows as a producer would send them; raises DataError if they do not fit the model.

    spec: of single steps where the model takes windows.
    """
    return in_type(as_recorded(data.records, spec, source), spec)


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
