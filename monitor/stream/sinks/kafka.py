"""Events to Kafka topics, one topic a kind."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from monitor.process import background
from monitor.process.deadline import WORK
from monitor.stream import kafka_private
from monitor.stream.kafka_options import connect
from monitor.stream.sinks.deliveries import LONGEST_SECONDS, Deliveries, Delivery, Failure
from monitor.stream.sinks.topics import create_topics

log = structlog.get_logger(__name__)

REQUEST_SECONDS = 8.0
DELIVERY_SECONDS = 10.0
CLOSE_SECONDS = 2.0


class KafkaSink(Deliveries):
    """Publishes with acknowledgement of all in-sync replicas; connects when first used."""

    _errors = (KafkaError, OSError)
    _looked_up: KafkaProducer | None = None
    _known: set[str]

    def _send(self, delivery: Delivery) -> None:
        event = delivery.event
        topic = self._topics.names[event.kind]
        self._look_up(topic)
        delivery.handle = self._producer.send(
            topic,
            key=event.key,
            value=event.value,
            headers=kafka_private.sendable(event.headers),
        )

    def _look_up(self, topic: str) -> None:
        """Have the producer know a topic before `send`, which would wait on our own thread."""
        producer = self._producer
        if self._looked_up is not producer:
            self._looked_up, self._known = producer, set()
        if topic not in self._known:
            asking = background.start(lambda: producer.partitions_for(topic), "kafka-topic")
            self._connection.deadline.result(asking, REQUEST_SECONDS + 1, WORK)
            self._known.add(topic)

    def _serve(self, seconds: float) -> None:
        """Not by the producer's own flush, which fails when a batch was split because one message
        in it was too large (kafka-python 3.0.12).
        """
        for delivery in self._pending:
            if delivery.handle is not None and not delivery.handle.is_done:
                with suppress(KafkaError):  # `_outcome` tells; or it is under way
                    delivery.handle.get(timeout=seconds)
                return

    def _outcome(self, delivery: Delivery) -> Failure | bool:
        future = delivery.handle
        if not future.is_done:
            return False
        if future.succeeded():
            return True
        error = future.exception
        return Failure(
            f"{type(error).__name__}: {error}",
            too_large=isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError),
        )

    def _connect(self) -> KafkaProducer:
        self._refusals = create_topics(self._connection, self._topics)
        return self._make_producer(
            # An idempotent producer of kafka-python 3.0.12 fails for good after one message
            # that the broker refuses; one request at a time keeps the order without it.
            enable_idempotence=False,
            max_in_flight_requests_per_connection=1,
            request_timeout_ms=int(LONGEST_SECONDS * 1000),
            delivery_timeout_ms=int(LONGEST_SECONDS * 1000) + 5,
        )

    def _make_producer(self, **options: Any) -> KafkaProducer:
        timeouts = {
            "request_timeout_ms": int(REQUEST_SECONDS * 1000),
            "delivery_timeout_ms": int(DELIVERY_SECONDS * 1000),
        }
        return connect(
            KafkaProducer,
            **self._connection.options(),
            acks="all",
            linger_ms=5,
            max_request_size=self._topics.max_message_bytes,
            max_block_ms=int(REQUEST_SECONDS * 1000),
            **(timeouts | options),
        )

    def _throw_away(self, producer: KafkaProducer) -> None:
        """Closing it may hang on what is under way."""
        background.start(lambda: _close(producer), "kafka-discard")


def _close(producer: KafkaProducer) -> None:
    kafka_private.give_up(producer)
    with suppress(KafkaError):  # what was under way
        producer.close(timeout=CLOSE_SECONDS)
