"""JudgedRecords: what the judge sees of a batch of records, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.stream.records import Partition

T = TypeVar("T", bound=np.generic)
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRecords:
    """Scored records in arrival order, each partition's in offset order.

    partitions: those that `partition` (n,) points into; there may be some without a record.
    offsets, next_offsets, timestamps (milliseconds since the epoch), rows (of each record, at
    least 1): int64 (n,). errors: float64 (R,), the reconstruction error of each row, finite and
    at least 0, in the model's units, in the order of the records; R is the sum of `rows`.
    arrivals: int64 (n,), when each record came, in milliseconds since the epoch, or -1 if that is
    not known; None if it is of none. channels: float32 (R, W), the channels' values of each row,
    and beside them, as they came, those that are judged by the hour; or None. segments: names that
    `segment` (n,) points into; None if the stream has none.
    """

    model_version: str
    partitions: tuple[Partition, ...]
    partition: Index
    offsets: Index
    next_offsets: Index
    timestamps: Index
    rows: Index
    errors: NDArray[np.float64]
    arrivals: Index | None = None
    channels: NDArray[np.float32] | None = None
    segments: tuple[str, ...] = ()
    segment: Index | None = None

    def __len__(self) -> int:
        return self.offsets.size

    @property
    def single(self) -> bool:
        """True if every record has one row."""
        return self.errors.size == self.offsets.size

    def of_each_row(self, values: NDArray[T]) -> NDArray[T]:
        """The value (n,) of its record for each row, (R,)."""
        return values if self.single else np.repeat(values, self.rows)

    def where(self, wanted: NDArray[np.bool_]) -> JudgedRecords:
        """The records for which `wanted` (n,) is true."""
        rows = self.of_each_row(wanted)
        return JudgedRecords(
            model_version=self.model_version,
            partitions=self.partitions,
            partition=self.partition[wanted],
            offsets=self.offsets[wanted],
            next_offsets=self.next_offsets[wanted],
            timestamps=self.timestamps[wanted],
            rows=self.rows[wanted],
            errors=self.errors[rows],
            arrivals=None if self.arrivals is None else self.arrivals[wanted],
            channels=None if self.channels is None else self.channels[rows],
            segments=self.segments,
            segment=None if self.segment is None else self.segment[wanted],
        )
