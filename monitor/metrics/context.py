"""The metrics of records that are judged by the hour, or by a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter

from monitor.pipeline.context_times import ContextTimes

TIMES: Final = ("timestamp", "arrival", "unknown")
VALUES: Final = ("known", "unknown")


class ContextMetrics:
    """counter: makes one in the daemon's registry."""

    def __init__(self, counter: Callable[..., Counter]) -> None:
        self._records = counter(
            "context_records",
            "Records that were judged by the hour, by what told it: timestamp, the time of"
            " arrival where that is not believed, or nothing: then they were judged as they are.",
            time=TIMES,
        )
        self._rows = counter(
            "context_column_rows",
            "Rows that were judged by a column of the model: known, or with a value that"
            " calibration had none of: then they were judged as they are.",
            value=VALUES,
        )

    def count(self, times: ContextTimes | None) -> None:
        """Add the records of an outcome; None if none is judged by the hour."""
        if times is None:
            return
        others = times.by_arrival, times.unknown
        counts = times.moments.size - sum(others), *others
        for name, count in zip(TIMES, counts, strict=True):
            self._records.labels(name).inc(count)

    def count_cells(self, cells: NDArray[np.int64] | None) -> None:
        """Add the rows of an outcome, of `Scores.cells`; None if none is judged by a column."""
        if cells is None:
            return
        unknown = int((cells < 0).sum())
        for name, count in zip(VALUES, (cells.size - unknown, unknown), strict=True):
            self._rows.labels(name).inc(count)
