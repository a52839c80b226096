"""CloudEvents to a Kafka topic, on the monitor's own connection."""

from __future__ import annotations

import threading
from typing import Any, Final

import structlog
from cloudevents.core.bindings.kafka import to_binary_event, to_structured_event
from kafka import KafkaProducer
from kafka.errors import (
    AuthorizationError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
)

from monitor.errors import ReceiverError
from monitor.receivers.cloud_event import cloud_event
from monitor.stream.kafka_options import Connection, complaint, connect

log = structlog.get_logger(__name__)

REQUEST_SECONDS: Final = 8.0
DELIVERY_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 12.0
"""Longer than a delivery may take: after it the message has arrived or failed."""
CLOSE_SECONDS: Final = 2.0
LARGEST_MESSAGE_BYTES: Final = 2**22
"""The broker decides; this is only above what a request has."""
FINAL: Final = (
    AuthorizationError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
)
"""Refusals that stay the same however often we try."""


class KafkaReceiver:
    """Writes each request as an event with the request's id as key, acknowledged by all replicas.

    binary: the event's attributes in `ce_` headers; else all of it in the value. Connects when
    first used.
    """

    def __init__(
        self, connection: Connection, topic: str, binary: bool = False, source: str | None = None
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._binary = binary
        self._source = source
        self._producer: KafkaProducer | None = None
        self._guard = threading.Lock()

    def deliver(self, document: dict[str, Any]) -> str:
        """Write it. Raises ReceiverError if it did not arrive."""
        convert = to_binary_event if self._binary else to_structured_event
        message = convert(cloud_event(document, self._source))
        try:
            future = self._connected().send(
                self._topic,
                key=document["id"].encode(),
                value=message.value,
                headers=list(message.headers.items()),
            )
            place = future.get(timeout=WAIT_SECONDS)
        except (KafkaError, OSError) as error:
            # A new one next time: what was not sent must not arrive behind our back.
            self.close()
            raise _refused(error) from error
        return f"{self._topic}/{place.partition}/{place.offset}"

    def close(self) -> None:
        """Close the producer; a message under way is given up."""
        with self._guard:
            producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=CLOSE_SECONDS)
        except KafkaError as error:
            log.warning("closing the producer failed", error=f"{type(error).__name__}: {error}")

    def _connected(self) -> KafkaProducer:
        if self._producer is not None:
            return self._producer
        try:
            made = connect(
                KafkaProducer,
                **self._connection.options(),
                acks="all",
                # See sinks/kafka.py for why it is not idempotent.
                enable_idempotence=False,
                max_in_flight_requests_per_connection=1,
                max_request_size=LARGEST_MESSAGE_BYTES,
                max_block_ms=int(REQUEST_SECONDS * 1000),
                request_timeout_ms=int(REQUEST_SECONDS * 1000),
                delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
            )
        except (KafkaError, OSError, ValueError) as error:
            raise ReceiverError(complaint(error), retryable=True) from error
        with self._guard:
            self._producer = made
        return made


def _refused(error: Exception) -> ReceiverError:
    text = str(error) if isinstance(error, KafkaError) else f"{type(error).__name__}: {error}"
    return ReceiverError(text, retryable=not isinstance(error, FINAL))
