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
    """Notes what the group takes away; the callbacks come on the library's thread.

    What is assigned is for the consumer itself to say: it may deliver a new partition's records
    before the callback has run. One listener serves one consumer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost: set[Partition] = set()

    def take_lost(self) -> frozenset[Partition]:
        """Return the partitions lost since the last call."""
        with self._lock:
            lost, self._lost = frozenset(self._lost), set()
            return lost

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called with the partitions that are new."""
        partitions = partitions_of(assigned)
        if partitions:
            log.info("partitions assigned", partitions=[str(p) for p in sorted(partitions)])

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called before partitions go to another member."""
        self._lose(partitions_of(revoked))

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Called when the group has counted us out."""
        self._lose(partitions_of(lost))

    def _lose(self, partitions: frozenset[Partition]) -> None:
        with self._lock:
            self._lost |= partitions
        if partitions:
            log.info("partitions taken away", partitions=[str(p) for p in sorted(partitions)])


def partitions_of(keys: Iterable[TopicPartition]) -> frozenset[Partition]:
    """Kafka's names of partitions as ours."""
    return frozenset(Partition(key.topic, key.partition) for key in keys)
