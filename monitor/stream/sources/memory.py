"""A source that holds its records in memory: for embedding the daemon, and for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from monitor.stream.columns import Columns
from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Partition, Record
from monitor.stream.sources import Polled, Position


class MemorySource:
    """Delivers records that were appended to it, partition by partition.

    Commits are kept in `stored`; `restart` makes it begin again from there, and `revoke` takes
    a partition away as a rebalance would. identity, fenced, silent: what it says of its topic, its
    place in the group, and partitions that cannot be read.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.stored: dict[Partition, Committed] = {}
        self._records: dict[Partition, list[Record]] = {}
        self._new: set[Partition] = set()
        self._waiting: set[Partition] = set()
        self._next: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self.connected = True
        self._hand_over: Callable[[frozenset[Partition]], None] = lambda partitions: None
        self.identity = ""
        self.fenced = False
        self.replaced = 0
        self.silent: dict[Partition, str] = {}
        self._tell: Callable[[Mapping[Partition, int]], None] = lambda ends: None
        self._lock = threading.Lock()
        self.append(records)

    def append(self, records: Iterable[Record]) -> None:
        """Add records at the end of their partitions; a new partition is assigned at once.

        From any thread.
        """
        with self._lock:
            for record in records:
                if record.source not in self._records:
                    self._records[record.source] = []
                    self._new.add(record.source)
                self._records[record.source].append(record)

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that have records and were not revoked."""
        return frozenset(self._new | self._waiting | self._next.keys())

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Return what is there, at once."""
        if not self.connected:
            return Polled()
        lost, self._lost = frozenset(self._lost), set()
        with self._lock:
            assigned = {p: self._assigned(p) for p in sorted(self._new)}
            self._waiting |= self._new
            self._new = set()
        polled: list[Record] = []
        for partition, start in sorted(self._next.items()):
            room = max_records - len(polled)
            new = [r for r in self._records[partition] if r.next_offset > start][:room]
            if new:
                self._next[partition] = new[-1].next_offset
            polled.extend(new)
        return Polled(Columns.of(polled), lost=lost, assigned=assigned)

    def _assigned(self, partition: Partition) -> Assigned:
        records = self._records[partition]
        earliest = records[0].offset if records else 0
        stored = self.stored.get(partition)
        elsewhere = {p: committed for p, committed in self.stored.items() if p != partition}
        end = self._end(partition)
        return Assigned(stored, earliest, end, self.identity, not self.stored, elsewhere)

    def _end(self, partition: Partition) -> int:
        records = self._records[partition]
        return records[-1].next_offset if records else 0

    def tend(self) -> None:
        """Nothing to do."""

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on with a partition at an offset."""
        if partition in self._waiting or partition in self._next:
            self._waiting.discard(partition)
            self._next[partition] = offset

    def on_leaving(self, hand_over: Callable[[frozenset[Partition]], None]) -> None:
        """Have this called by `revoke`."""
        self._hand_over = hand_over

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Remember the offsets of the partitions that are still ours."""
        if not self.connected or self._lost:
            return False
        self.stored.update({p: c for p, c in offsets.items() if p in self.assigned})
        return True

    def committed(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        """What is remembered."""
        if not self.connected:
            return None
        return {p: self.stored[p] for p in partitions if p in self.stored}

    def membership(self) -> object | None:
        """There is no group here."""
        return self if self.connected and not self._lost else None

    def positions(self) -> Mapping[Partition, Position]:
        """Where every partition stands that was sought."""
        return {
            p: Position(min(offset, self._end(p)), self._end(p)) for p, offset in self._next.items()
        }

    def on_survey(self, tell: Callable[[Mapping[Partition, int]], None]) -> None:
        """Have this called by `survey`."""
        self._tell = tell

    def survey(self) -> None:
        """Tell the ends of all partitions, as the brokers would on another thread."""
        self._tell({partition: self._end(partition) for partition in self._records})

    def unreadable(self) -> Mapping[Partition, str]:
        """What is in `silent` of the partitions that are ours."""
        return {p: reason for p, reason in self.silent.items() if p in self.assigned}

    def revoke(self, partition: Partition, orderly: bool = False) -> None:
        """Take a partition away, as a rebalance would; orderly: after its handing over."""
        if orderly:
            self._hand_over(frozenset([partition]))
        for kept in (self._new, self._waiting):
            kept.discard(partition)
        self._next.pop(partition, None)
        self._lost.add(partition)

    def assign(self, partition: Partition) -> None:
        """Give a partition (back)."""
        self._records.setdefault(partition, [])
        self._new.add(partition)

    def restart(self) -> None:
        """Begin again from what was committed, as a new process would."""
        self._next.clear()
        self._waiting.clear()
        self._lost.clear()
        self._new = set(self._records)

    def close(self) -> None:
        """Nothing to close."""
