"""Which time of the day or week a record belongs to: its timestamp's, if that can be believed.

A timestamp is not believed if there is none, or it is ten minutes ahead of the record's arrival or
ten years behind it, as with the partitions' clocks. The time of arrival takes its place then: of a
stream that is read as it comes, it is the same within seconds. Where nobody told when the record
came, its error is judged as it is. Each record by itself, so that nothing depends on batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.drift.partition_clocks import AHEAD, BEHIND
from monitor.stream.columns import Index


@dataclass(frozen=True, slots=True)
class ContextTimes:
    """moments: int64 (n,), milliseconds since the epoch, -1 where no time is known. by_arrival,
    unknown: records that took the time of arrival, and that have none."""

    moments: Index
    by_arrival: int = 0
    unknown: int = 0


def of_records(timestamps: Index, arrivals: Index | None) -> ContextTimes:
    """Of records (n,). arrivals: when each came, -1 if nobody told; None if nobody told of any."""
    arrived = np.full_like(timestamps, -1) if arrivals is None else arrivals
    wrong = _wrong(timestamps, arrived)
    if not wrong.any():
        return ContextTimes(timestamps)
    moments = np.where(wrong, arrived, timestamps)
    unknown = int((moments < 0).sum())
    return ContextTimes(np.maximum(moments, -1), int(wrong.sum()) - unknown, unknown)


def _wrong(timestamps: Index, arrived: Index) -> NDArray[np.bool_]:
    ahead, behind = timestamps - arrived > AHEAD, arrived - timestamps > BEHIND
    return np.asarray((timestamps < 0) | ((arrived >= 0) & (ahead | behind)))
