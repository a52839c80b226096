"""Where records come from. Every source keeps the contract of `Source`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.records import Partition, Record


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought.

    records: each partition's in offset order. lost: partitions taken away since the last poll;
    what was polled of them and is not yet scored must be dropped, their new owner gets it.
    """

    records: tuple[Record, ...] = ()
    lost: frozenset[Partition] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition stands: the next offset to be polled, and one past its newest record."""

    next_offset: int
    end_offset: int


class Source(Protocol):
    """A stream of records in partitions.

    Records are delivered in offset order, from the committed offset on, and again after a
    restart if they were not committed. Only one thread may use a source.
    """

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that this source reads now."""

    @property
    def connected(self) -> bool:
        """False while the broker cannot be reached."""

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Wait up to the timeout for records. Returns nothing while not connected."""

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Store where to go on after a restart; false if it failed, which is no disaster:
        the records since the last commit are then delivered again.
        """

    def positions(self) -> Mapping[Partition, Position]:
        """Where every assigned partition stands, as far as known without asking the broker."""

    def close(self) -> None:
        """Leave in good order, within a bounded time."""
