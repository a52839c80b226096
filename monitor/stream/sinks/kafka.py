"""Events to Kafka topics, one topic a kind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError

from monitor.errors import SinkError
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection, connect

log = structlog.get_logger(__name__)

REQUEST_SECONDS = 8.0
DELIVERY_SECONDS = 10.0
FLUSH_SECONDS = 12.0
"""Longer than a delivery may take: after a flush every message has arrived or failed."""
CLOSE_SECONDS = 2.0
OVERHEAD_BYTES = 1024
"""Room for what Kafka puts around a message."""
ESSENTIAL_BYTES = 256
"""Longest header of a message that had to be cut."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic of each kind of event; whether to create those that are missing."""

    names: Mapping[str, str]
    create: bool = True
    max_message_bytes: int = 32 * 2**20


class KafkaSink:
    """Publishes with acknowledgement of all in-sync replicas; connects when first used."""

    def __init__(self, connection: Connection, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics
        self._producer: KafkaProducer | None = None
        self._pending: list[tuple[Event, Any]] = []

    def publish(self, events: Iterable[Event]) -> None:
        """Hand events to the producer. Raises SinkError(retryable) while there is no broker."""
        for event in events:
            self._send(event)

    def _send(self, event: Event) -> None:
        fitting = self._fit(event)
        try:
            producer = self._producer or self._connect()
            future = producer.send(
                self._topics.names[fitting.kind],
                key=fitting.key,
                value=fitting.value,
                headers=list(fitting.headers),
            )
        except (KafkaError, OSError) as error:
            self._pending.clear()
            raise SinkError(f"{type(error).__name__}: {error}", retryable=True) from error
        self._pending.append((fitting, future))

    def _fit(self, event: Event) -> Event:
        """The event, without its value if that is larger than the topics take."""
        size = len(event.value or b"") + len(event.key)
        size += sum(len(name) + len(value) for name, value in event.headers)
        if size + OVERHEAD_BYTES <= self._topics.max_message_bytes:
            return event
        small = _without_value(event)
        return small if size - len(event.value or b"") < OVERHEAD_BYTES else _essential(small)

    def flush(self) -> None:
        """Wait until all events arrived. Raises SinkError(retryable) if some did not."""
        if self._producer is None or not self._pending:
            return
        pending, self._pending = self._pending, []
        failed = _wait(pending, time.monotonic() + FLUSH_SECONDS)
        too_large = [
            event for event, error in failed if isinstance(error, MessageSizeTooLargeError)
        ]
        others = [error for _, error in failed if not isinstance(error, MessageSizeTooLargeError)]
        if others:
            raise SinkError(
                f"{len(others)} messages failed: {type(others[0]).__name__}: {others[0]}",
                retryable=True,
            )
        self._resend_without_values(too_large)

    def _resend_without_values(self, events: list[Event]) -> None:
        """The topic takes less than we were told: send what identifies the message."""
        if not events:
            return
        if any(_essential(_without_value(event)) == event for event in events):
            raise SinkError("the topic refuses even messages without a value", retryable=True)
        log.warning(
            "messages larger than their topic takes were published without their value",
            messages=len(events),
        )
        self.publish(_essential(_without_value(event)) for event in events)
        self.flush()

    def _connect(self) -> KafkaProducer:
        if self._topics.create:
            self._create_topics()
        self._producer = self._make_producer(
            # An idempotent producer of kafka-python 3.0.12 fails for good after one message
            # that the broker refuses; one request at a time keeps the order without it.
            enable_idempotence=False,
            max_in_flight_requests_per_connection=1,
        )
        return self._producer

    def _make_producer(self, **options: Any) -> KafkaProducer:
        return connect(
            KafkaProducer,
            **self._connection.options(),
            acks="all",
            linger_ms=5,
            max_request_size=self._topics.max_message_bytes,
            max_block_ms=int(REQUEST_SECONDS * 1000),
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
            **options,
        )

    def _create_topics(self) -> None:
        admin = connect(KafkaAdminClient, **self._connection.options())
        try:
            existing = set(admin.list_topics())
            for name in sorted(set(self._topics.names.values()) - existing):
                _create(admin, name, self._topics.max_message_bytes)
        finally:
            admin.close()

    def close(self) -> None:
        """Close the producer; what was not flushed is given up."""
        producer, self._producer = self._producer, None
        self._pending.clear()
        if producer is None:
            return
        try:
            producer.close(timeout=CLOSE_SECONDS)
        except KafkaError as error:
            log.warning("closing the producer failed", error=f"{type(error).__name__}: {error}")


def _wait(pending: list[tuple[Event, Any]], deadline: float) -> list[tuple[Event, KafkaError]]:
    """Wait for each message; return those that failed, with the reason.

    Not by the producer's own flush, which fails when a batch was split because one message in it
    was too large (kafka-python 3.0.12).
    """
    failed = []
    for event, future in pending:
        try:
            future.get(timeout=max(0.0, deadline - time.monotonic()))
        except KafkaError as error:
            failed.append((event, error))
    return failed


def _create(admin: KafkaAdminClient, name: str, max_message_bytes: int) -> None:
    """Create a topic that takes messages as large as ours; one that exists is left alone."""
    options = {
        "num_partitions": 1,
        "replication_factor": -1,
        "configs": {"max.message.bytes": str(max_message_bytes)},
    }
    try:
        admin.create_topics({name: options})
        log.info("created output topic", topic=name)
    except TopicAlreadyExistsError:
        log.debug("output topic exists", topic=name)
    except KafkaError as error:
        # Publishing decides: the broker may create topics itself, or refuse with a clear error.
        log.warning("cannot create output topic", topic=name, error=str(error))


def _without_value(event: Event) -> Event:
    if event.value is None:
        return event
    size = str(len(event.value)).encode()
    return replace(event, value=None, headers=(*event.headers, ("aead.value_bytes_dropped", size)))


def _essential(event: Event) -> Event:
    """The event with our own headers only, each cut short: it fits into any topic."""
    ours = [(name, value[:ESSENTIAL_BYTES]) for name, value in event.headers if _is_ours(name)]
    return replace(event, headers=tuple(ours))


def _is_ours(name: str) -> bool:
    return name.startswith("aead.")
