"""Which partitions a consumer group has given to this member, and taken away."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import structlog
from kafka import TopicPartition
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener

from monitor.records import Partition

log = structlog.get_logger(__name__)


class Rebalances(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka is untyped
    """Notes what the group gives and takes; the callbacks come on the library's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._assigned: frozenset[Partition] = frozenset()
        self._lost: set[Partition] = set()

    @property
    def assigned(self) -> frozenset[Partition]:
        """What this member has now."""
        return self._assigned

    def take_lost(self) -> frozenset[Partition]:
        """Return the partitions lost since the last call."""
        with self._lock:
            lost, self._lost = frozenset(self._lost), set()
            return lost

    def lose_all(self) -> None:
        """Note that the member itself is gone."""
        self._lose(self._assigned)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called with the partitions that are new."""
        partitions = _partitions(assigned)
        with self._lock:
            self._assigned |= partitions
        if partitions:
            log.info("partitions assigned", partitions=[str(p) for p in sorted(partitions)])

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called before partitions go to another member."""
        self._lose(_partitions(revoked))

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Called when the group has counted us out."""
        self._lose(_partitions(lost))

    def _lose(self, partitions: frozenset[Partition]) -> None:
        with self._lock:
            self._assigned -= partitions
            self._lost |= partitions
        if partitions:
            log.info("partitions taken away", partitions=[str(p) for p in sorted(partitions)])


def _partitions(keys: Iterable[TopicPartition]) -> frozenset[Partition]:
    return frozenset(Partition(key.topic, key.partition) for key in keys)
