"""Events to Kafka topics, one topic a kind."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from monitor.errors import SinkError
from monitor.stream import kafka_private
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection, connect
from monitor.stream.sinks.fitting import essential, fit, without_value
from monitor.stream.sinks.topics import Topics, create_topics

log = structlog.get_logger(__name__)

REQUEST_SECONDS = 8.0
DELIVERY_SECONDS = 10.0
FLUSH_SECONDS = 12.0
"""Longer than a delivery may take: after a flush every message has arrived or failed."""
CLOSE_SECONDS = 2.0


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
        fitting = fit(event, self._topics.max_message_bytes)
        try:
            producer = self._producer or self._connect()
            future = producer.send(
                self._topics.names[fitting.kind],
                key=fitting.key,
                value=fitting.value,
                headers=kafka_private.sendable(fitting.headers),
            )
        except (KafkaError, OSError) as error:
            self._pending.clear()
            raise SinkError(f"{type(error).__name__}: {error}", retryable=True) from error
        self._pending.append((fitting, future))

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
        if any(essential(without_value(event)) == event for event in events):
            raise SinkError("the topic refuses even messages without a value", retryable=True)
        log.warning(
            "messages larger than their topic takes were published without their value",
            messages=len(events),
        )
        self.publish(essential(without_value(event)) for event in events)
        self.flush()

    def _connect(self) -> KafkaProducer:
        if self._topics.create:
            create_topics(self._connection, self._topics)
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
