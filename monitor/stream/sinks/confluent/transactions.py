"""Events to Kafka topics in transactions, with the offsets that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition
from kafka.errors import KafkaError as CreationError

from monitor.errors import SinkError, SinkSlowError, TransactionLostError
from monitor.process import background
from monitor.process.deadline import COMMIT
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sinks.confluent.sink import (
    DELIVERY_SECONDS,
    REQUEST_SECONDS,
    ConfluentSink,
)
from monitor.stream.sinks.refused import KnowsRefused
from monitor.stream.sinks.topics import Topics, create_topics

STEP_SECONDS: Final = 15.0
"""Longest wait for one step."""


class TransactionalConfluentSink(KnowsRefused, ConfluentSink):
    """Publishes in one transaction from commit to commit.

    name: the transactional id, the same after a restart, so that a transaction that a crash left
    open is ended. timeout_seconds: after which the broker ends one itself. After any failure the
    producer is thrown away: the next one ends what was open.
    """

    def __init__(
        self, connection: Connection, topics: Topics, name: str, timeout_seconds: float = 60.0
    ) -> None:
        super().__init__(connection, topics)
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._open = False
        self._know_nothing()

    def publish(self, events: Iterable[Event]) -> None:
        """Hand events to the open transaction. Raises TransactionLostError if it failed."""
        waiting = self._possible(events)
        if not waiting:
            return
        self._step(self._begin)
        try:
            super().publish(waiting)
        except SinkError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        """Wait until all events arrived. Raises TransactionLostError if some did not."""
        try:
            super().flush()
        except SinkSlowError:
            raise
        except SinkError as error:
            raise self._lost(error) from error

    def commit(self, offsets: Mapping[Partition, Committed], membership: Any) -> None:
        """End the transaction, with the offsets in it."""
        stored = [
            TopicPartition(p.topic, p.number, c.offset, metadata=c.note) for p, c in offsets.items()
        ]
        self._step(self._begin)
        self._step(
            lambda: self._current().send_offsets_to_transaction(stored, membership, STEP_SECONDS)
        )
        self._step(lambda: self._current().commit_transaction(STEP_SECONDS))
        self._open = False

    def recover(self) -> None:
        """A new producer of the same name ends whatever was open."""
        self._discard()
        self._step(self._connect)

    def _begin(self) -> None:
        if not self._open:
            (self._producer or self._connect()).begin_transaction()
            self._open = True

    def _current(self) -> Any:
        if self._producer is None:
            raise TransactionLostError("the producer is gone")
        return self._producer

    def _connect(self) -> Any:
        self._refusals = create_topics(self._connection, self._topics)
        milliseconds = int(self._timeout_seconds * 1000)
        producer = self._make_producer(
            {
                "transactional.id": self._name,
                "transaction.timeout.ms": milliseconds,
                # librdkafka lets nothing take longer than the transaction.
                "socket.timeout.ms": min(int(REQUEST_SECONDS * 1000), milliseconds),
                "delivery.timeout.ms": min(int(DELIVERY_SECONDS * 1000), milliseconds),
            }
        )
        producer.init_transactions(STEP_SECONDS)
        self._producer = producer
        return producer

    def _step(self, step: Callable[[], object]) -> None:
        """Do a step on another thread, so that signals are heeded; on failure all is lost."""
        try:
            running = background.start(step, "kafka-transaction")
            self._connection.deadline.result(running, STEP_SECONDS + 1, COMMIT)
        except (KafkaException, CreationError, OSError, TimeoutError) as error:
            raise self._lost(error) from error

    def _lost(self, error: BaseException) -> TransactionLostError:
        self._discard()
        self._pending.clear()
        return TransactionLostError(f"{type(error).__name__}: {error}")

    def _discard(self) -> None:
        self._open = False
        super()._discard()
