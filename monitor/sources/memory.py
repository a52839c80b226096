"""A source that holds its records in memory: for embedding the daemon, and for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.records import Partition, Record
from monitor.sources import Polled, Position


class MemorySource:
    """Delivers records that were appended to it, partition by partition.

    Commits are kept in `committed`; `restart` makes it begin again from there, and `revoke`
    takes a partition away as a rebalance would.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.committed: dict[Partition, int] = {}
        self._records: dict[Partition, list[Record]] = {}
        self._delivered: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self.connected = True
        self.append(records)

    def append(self, records: Iterable[Record]) -> None:
        """Add records at the end of their partitions; a new partition is assigned at once."""
        for record in records:
            self._records.setdefault(record.source, []).append(record)
            self._delivered.setdefault(record.source, 0)

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that have records and were not revoked."""
        return frozenset(self._delivered)

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Return what is there, at once."""
        lost, self._lost = frozenset(self._lost), set()
        polled: list[Record] = []
        for partition in sorted(self._delivered) if self.connected else ():
            start = self._delivered[partition]
            new = self._records[partition][start : start + max_records - len(polled)]
            self._delivered[partition] += len(new)
            polled.extend(new)
        return Polled(tuple(polled), lost)

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Remember the offsets of the partitions that are still assigned."""
        kept = {p: offset for p, offset in next_offsets.items() if p in self._delivered}
        if self.connected:
            self.committed.update(kept)
        return self.connected

    def positions(self) -> Mapping[Partition, Position]:
        """Where every assigned partition stands."""
        return {p: self._position(p, delivered) for p, delivered in self._delivered.items()}

    def _position(self, partition: Partition, delivered: int) -> Position:
        records = self._records[partition]
        end = records[-1].offset + 1 if records else 0
        return Position(records[delivered].offset if delivered < len(records) else end, end)

    def revoke(self, partition: Partition) -> None:
        """Take a partition away, as a rebalance would."""
        del self._delivered[partition]
        self._lost.add(partition)

    def assign(self, partition: Partition) -> None:
        """Give a partition (back), from its committed offset on."""
        committed = self.committed.get(partition, 0)
        records = self._records.setdefault(partition, [])
        self._delivered[partition] = sum(record.offset < committed for record in records)

    def restart(self) -> None:
        """Begin again from the committed offsets, as a new process would."""
        for partition in self._records:
            self.assign(partition)

    def close(self) -> None:
        """Nothing to close."""
