"""Where records come from. Every source keeps the contract of `Source`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from monitor.stream.columns import Columns
from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Partition


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought. It is to be taken in this order: lost, assigned, records.

    records: each partition's in offset order. lost: partitions taken away since the last poll;
    what was polled of them and is not yet scored must be dropped, their new owner gets it.
    assigned: partitions given to us; nothing comes of them until `seek` was called.
    """

    records: Columns = field(default_factory=Columns.none)
    lost: frozenset[Partition] = frozenset()
    assigned: Mapping[Partition, Assigned] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition stands: the next offset to be polled, and one past its newest record.

    The end is what the brokers were last asked for, whether anything is read or not.
    """

    next_offset: int
    end_offset: int


class Source(Protocol):
    """A stream of records in partitions, delivered in offset order.

    Only one thread may use a source.
    """

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that are ours now."""

    @property
    def connected(self) -> bool:
        """False while the broker cannot be reached."""

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Wait up to the timeout for records, and for news only if max_records is 0.

        Returns nothing while not connected.
        """

    def tend(self) -> None:
        """Stay a member of the group while no records are wanted; returns at once.

        What it learns of partitions is told by the next poll.
        """

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on with a partition at an offset. Without effect if it is not ours any more."""

    def on_leaving(self, hand_over: Callable[[frozenset[Partition]], None]) -> None:
        """Have `hand_over` called before partitions go to another member.

        It is called while our thread waits in `poll`, on it or on another one. What is done of the
        partitions can still be committed, and no more of them comes. It is not called if they
        are lost in another way, or while we `tend`.
        """

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Store where to go on after a restart; false if it is not certain that it is stored.

        Offsets of partitions that are not ours are left out. Nothing is stored while a loss has
        not been told by `poll`.
        """

    def committed(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        """What is stored for partitions, ours or not; None if the broker cannot be asked."""

    def membership(self) -> Any:
        """Our place in the group, for a commit in a transaction; None if we may not commit."""

    def positions(self) -> Mapping[Partition, Position]:
        """Where every partition stands that was sought, as far as is known without asking."""

    def on_survey(self, tell: Callable[[Mapping[Partition, int]], None]) -> None:
        """Have `tell` called with the ends of partitions, whenever they have been asked for.

        That happens every few seconds on a thread of its own, whatever ours does.
        """

    def unreadable(self) -> Mapping[Partition, str]:
        """Partitions of ours that cannot be read now, and why; the others go on."""

    @property
    def fenced(self) -> bool:
        """True if another process has taken our place in the group: nothing more is read."""

    @property
    def replaced(self) -> int:
        """How often a client was thrown away because it got no further."""

    def close(self) -> None:
        """Leave in good order, within a bounded time."""
