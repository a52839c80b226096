"""Records from a Kafka topic, as a member of a consumer group.

kafka-python runs its network loop, heartbeats and rebalances on a thread of its own; the
rebalance callbacks come on that thread, so they only note what happened, and the next `poll`
reports it. Payloads are never decoded here: a failing deserializer would stall the consumer.
An exception from the library's `poll` is final for that consumer object, so a new one is made,
from the committed offsets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from monitor.kafka_options import Connection, connect
from monitor.records import Partition, Record
from monitor.sources import Polled, Position
from monitor.sources.rebalances import Rebalances, partitions_of

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
COMMIT_SECONDS = 10.0
CLOSE_SECONDS = 5.0
CONNECTION_CHECK_SECONDS = 1.0
IDLE_COMPLAINT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which topic to read, as which group, and where a new group starts."""

    topic: str
    group: str
    start: str = "earliest"
    session_timeout_seconds: float = 45.0
    max_poll_interval_seconds: float = 300.0
    fetch_max_bytes: int = 50 * 2**20


class KafkaSource:
    """A member of a consumer group; connects when first polled, and again after a loss."""

    def __init__(self, connection: Connection, subscription: Subscription) -> None:
        self._connection = connection
        self._subscription = subscription
        self._consumer: KafkaConsumer | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="kafka-connect")
        self._connecting: Future[KafkaConsumer] | None = None
        self._rebalances = Rebalances()
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._checked_at = 0.0
        self._reachable = False
        self._idle_since = 0.0
        self._next_offsets: dict[Partition, int] = {}

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that the group has given to this member."""
        return partitions_of(self._consumer.assignment()) if self._consumer else frozenset()

    @property
    def connected(self) -> bool:
        """True while at least one broker connection is open; looked up once a second."""
        now = time.monotonic()
        if self._consumer is None:
            return False
        if now - self._checked_at >= CONNECTION_CHECK_SECONDS:
            self._checked_at = now
            self._note_reachable(_connections(self._consumer) > 0)
        return self._reachable

    def _note_reachable(self, reachable: bool) -> None:
        if reachable != self._reachable:
            self._reachable = reachable
            state = "connected" if reachable else "connection lost; trying again"
            log.info(f"kafka {state}", servers=self._connection.servers)

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Wait for records; while there is no broker, wait out the backoff and try again."""
        consumer = self._consumer or self._connect(timeout_seconds)
        if consumer is None:
            return Polled(lost=self._rebalances.take_lost())
        try:
            answer = consumer.poll(int(timeout_seconds * 1000), max_records=max_records)
        except KafkaError as error:
            return Polled(lost=self._reset(error))
        self._complain_without_partitions()
        lost = self._rebalances.take_lost()
        for partition in lost:
            self._next_offsets.pop(partition, None)
        # A partition can be lost while its records are on their way to us: they are not ours.
        mine = self.assigned
        records = tuple(
            _record(message)
            for messages in answer.values()
            for message in messages
            if Partition(message.topic, message.partition) in mine
        )
        self._next_offsets.update({record.source: record.offset + 1 for record in records})
        return Polled(records, lost)

    def _connect(self, timeout_seconds: float) -> KafkaConsumer | None:
        """The new consumer, once there is one; waits no longer than the timeout.

        Making a consumer blocks until a broker has answered, so that it happens on a thread.
        """
        if self._connecting is None:
            delay = self._retry_at - time.monotonic()
            if delay > 0:
                time.sleep(min(delay, timeout_seconds))
                return None
            options = self._options()
            self._connecting = self._executor.submit(lambda: connect(KafkaConsumer, **options))
        wait([self._connecting], timeout_seconds)
        if not self._connecting.done():
            return None
        connecting, self._connecting = self._connecting, None
        try:
            self._consumer = connecting.result()
        except (KafkaError, OSError, ValueError) as error:
            self._back_off("kafka cannot be reached; trying again", error)
            return None
        self._rebalances = Rebalances()
        self._consumer.subscribe([self._subscription.topic], listener=self._rebalances)
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._idle_since = time.monotonic()
        self._note_reachable(True)
        return self._consumer

    def _complain_without_partitions(self) -> None:
        """Say so now and then while nothing is assigned: the topic may be misspelt."""
        now = time.monotonic()
        if self.assigned or not self._reachable:
            self._idle_since = now
        elif now - self._idle_since >= IDLE_COMPLAINT_SECONDS:
            self._idle_since = now
            log.warning(
                "no partitions assigned: the topic may not exist, or the group may have more"
                " members than it has partitions",
                topic=self._subscription.topic,
                group=self._subscription.group,
            )

    def _options(self) -> dict[str, Any]:
        subscription = self._subscription
        return {
            **self._connection.options(),
            "group_id": subscription.group,
            "auto_offset_reset": subscription.start,
            "enable_auto_commit": False,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "session_timeout_ms": int(subscription.session_timeout_seconds * 1000),
            "heartbeat_interval_ms": int(min(3.0, subscription.session_timeout_seconds / 3) * 1000),
            "max_poll_interval_ms": int(subscription.max_poll_interval_seconds * 1000),
            "fetch_max_bytes": subscription.fetch_max_bytes,
            # A misspelt topic must not come to life because we asked for it.
            "allow_auto_create_topics": False,
            "metadata_max_age_ms": 30_000,
        }

    def _back_off(self, event: str, error: Exception) -> None:
        log.warning(
            event,
            servers=self._connection.servers,
            error=f"{type(error).__name__}: {error}",
            retry_seconds=self._retry_seconds,
        )
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _reset(self, error: Exception) -> frozenset[Partition]:
        """Throw the consumer away and return what it had; the next poll makes a new one."""
        lost = self.assigned | self._rebalances.take_lost()
        self._close_consumer()
        self._note_reachable(False)
        self._next_offsets.clear()
        self._back_off("the kafka consumer failed; making a new one", error)
        return lost

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Commit for the partitions that are still ours; false if it failed or timed out."""
        mine = {p: offset for p, offset in next_offsets.items() if p in self.assigned}
        if self._consumer is None:
            return False
        if not mine:
            return True
        offsets = {
            TopicPartition(p.topic, p.number): OffsetAndMetadata(offset, "", -1)
            for p, offset in mine.items()
        }
        try:
            self._consumer.commit(offsets, timeout_ms=int(COMMIT_SECONDS * 1000))
        except KafkaError as error:
            log.warning("commit failed", error=f"{type(error).__name__}: {error}")
            return False
        return True

    def positions(self) -> Mapping[Partition, Position]:
        """Where the partitions stand that have been fetched from at least once."""
        found = {p: self._position(p) for p in self.assigned}
        return {p: position for p, position in found.items() if position is not None}

    def _position(self, partition: Partition) -> Position | None:
        key = TopicPartition(partition.topic, partition.number)
        try:
            end = self._consumer.highwater(key) if self._consumer else None
        except (KafkaError, KeyError):  # taken away between the calls: it has no position here
            return None
        if end is None:
            return None
        return Position(min(self._next_offsets.get(partition, end), end), end)

    def close(self) -> None:
        """Leave the group."""
        if self._connecting is not None:
            self._connecting.add_done_callback(_close_unwanted)
            self._connecting = None
        self._executor.shutdown(wait=False)
        self._close_consumer()

    def _close_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            consumer.close(autocommit=False, timeout_ms=int(CLOSE_SECONDS * 1000))
        except KafkaError as error:
            log.warning("closing the consumer failed", error=f"{type(error).__name__}: {error}")


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers),
    )


def _connections(consumer: KafkaConsumer) -> float:
    """Open broker connections of a consumer."""
    metrics = consumer.metrics()
    return float(metrics["consumer-metrics"]["connection-count"])


def _close_unwanted(connecting: Future[KafkaConsumer]) -> None:
    """Close a consumer that was finished after its source had been closed."""
    if connecting.exception() is None:
        connecting.result().close(autocommit=False, timeout_ms=int(CLOSE_SECONDS * 1000))
