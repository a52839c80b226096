"""The rows of a record that is read again: its own, or the windows that its steps complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.pipeline.series import Series
from monitor.stream.columns import Columns
from monitor.stream.records import Record

Decode = Callable[[bytes | None, Pairs], NDArray[Any]]
AT_MOST: Final = 100_000
"""Series that are remembered."""


class RowsOf(Protocol):
    """From a record to rows (n, *record_shape); raises DecodeError for what cannot be scored."""

    def __call__(self, record: Record) -> NDArray[Any]:
        """Its rows; there may be none."""

    def begin(self) -> None:
        """What comes next is not a neighbour of what came last."""


class Whole:
    """Of records that are scored as they are."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def __call__(self, record: Record) -> NDArray[Any]:
        """As `RowsOf`."""
        return self._decode(record.value, record.headers)

    def begin(self) -> None:
        """As `RowsOf`."""


class Steps:
    """Of records that are steps of series. channels: of a step."""

    def __init__(self, decode: Decode, series: Series) -> None:
        self._decode, self._series = decode, series

    def __call__(self, record: Record) -> NDArray[Any]:
        """As `RowsOf`."""
        steps = self._decode(record.value, record.headers)
        counts = np.array([len(steps)], dtype=np.int64)
        made, moved = self._series.windows(Columns.of([record]), Decoded(steps, counts, {}))
        self._series.decide(moved)
        return made.rows

    def begin(self) -> None:
        """As `RowsOf`."""
        self._series.forget()


def rows_of(decode: Decode, spec: InputSpec) -> RowsOf:
    """How this model's rows are had."""
    if spec.window is None:
        return Whole(decode)
    return Steps(decode, Series(spec.window, spec.shape[0], AT_MOST))
