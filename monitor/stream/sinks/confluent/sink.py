"""Events to Kafka topics, one topic a kind, through librdkafka."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer
from kafka.errors import KafkaError as CreationError

from monitor.errors import SinkError
from monitor.process import background
from monitor.stream.confluent_options import LibraryLog, options
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks.fitting import essential, fit, without_value
from monitor.stream.sinks.topics import Topics, create_topics

log = structlog.get_logger(__name__)

REQUEST_SECONDS: Final = 8.0
DELIVERY_SECONDS: Final = 10.0
FLUSH_SECONDS: Final = 12.0
"""Longer than a delivery may take: after a flush every message has arrived or failed."""
QUEUE_SECONDS: Final = 10.0
"""Longest wait for room in librdkafka's queue."""
LONGEST_MESSAGE_BYTES: Final = 1_000_000_000
"""The most that librdkafka takes."""


@dataclass(slots=True)
class Delivery:
    """An event under way. error: None once it has arrived."""

    event: Event
    error: KafkaError | None = None
    reported: bool = False

    def report(self, error: KafkaError | None, message: Any) -> None:
        """Called when it has arrived or failed."""
        self.error, self.reported = error, True

    @property
    def too_large(self) -> bool:
        """True if the topic takes no messages as large."""
        return self.error is not None and self.error.code() == KafkaError.MSG_SIZE_TOO_LARGE


class ConfluentSink:
    """Publishes with acknowledgement of all in-sync replicas; connects when first used."""

    def __init__(self, connection: Connection, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics
        self._producer: Any = None
        self._pending: list[Delivery] = []

    def publish(self, events: Iterable[Event]) -> None:
        """Hand events to the producer. Raises SinkError(retryable) while there is no broker."""
        try:
            for event in events:
                self._send(self._fitting(event))
        except (KafkaException, CreationError, OSError) as error:
            self._discard()
            raise SinkError(f"{type(error).__name__}: {error}", retryable=True) from error

    def _fitting(self, event: Event) -> Event:
        return fit(event, self._topics.max_message_bytes)

    def _send(self, event: Event) -> None:
        producer = self._producer or self._connect()
        delivery, deadline = Delivery(event), time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                producer.produce(
                    self._topics.names[event.kind],
                    key=event.key,
                    value=event.value,
                    headers=list(event.headers),
                    on_delivery=delivery.report,
                )
                break
            except BufferError:
                if time.monotonic() > deadline:
                    raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from None
                producer.poll(0.1)
        self._pending.append(delivery)

    def flush(self) -> None:
        """Wait until all events arrived. Raises SinkError(retryable) if some did not."""
        failed = self._delivered()
        others = [delivery for delivery in failed if not delivery.too_large]
        if others:
            self._discard()
            raise SinkError(
                f"{len(others)} messages failed: {_text(others[0].error)}", retryable=True
            )
        self._resend([delivery.event for delivery in failed])

    def _delivered(self) -> list[Delivery]:
        """Wait for all that was sent; those that have not arrived."""
        pending, self._pending = self._pending, []
        if self._producer is not None and pending:
            self._producer.flush(FLUSH_SECONDS)
        return [delivery for delivery in pending if delivery.error or not delivery.reported]

    def _resend(self, refused: list[Event]) -> None:
        """Send again what was refused as too large: each alone, and without its value if need be.

        A topic that takes less than we were told refuses a whole batch for one message in it.
        """
        alone = len(refused) == 1
        cut = [event for event in refused if alone or not self._arrives(event)]
        for event in cut:
            small = essential(without_value(event))
            if small == event or not self._arrives(small):
                raise SinkError("the topic refuses even messages without a value", retryable=True)
        if cut:
            log.warning(
                "messages larger than their topic takes were published without their value",
                messages=len(cut),
            )

    def _arrives(self, event: Event) -> bool:
        """Send one event; false if it is too large. Raises SinkError if it fails otherwise."""
        self.publish([event])
        failed = self._delivered()
        if failed and not failed[0].too_large:
            raise SinkError(f"a message failed: {_text(failed[0].error)}", retryable=True)
        return not failed

    def _connect(self) -> Any:
        if self._topics.create:
            create_topics(self._connection, self._topics)
        # As with kafka-python: one request at a time keeps the order after a failure.
        self._producer = self._make_producer({"max.in.flight.requests.per.connection": 1})
        return self._producer

    def _make_producer(self, special: dict[str, Any]) -> Any:
        return Producer(
            {
                **options(self._connection),
                "logger": LibraryLog(),
                "acks": "all",
                "linger.ms": 5,
                "message.max.bytes": min(self._topics.max_message_bytes, LONGEST_MESSAGE_BYTES),
                "request.timeout.ms": int(REQUEST_SECONDS * 1000),
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
                **special,
                **self._connection.native,
            }
        )

    def _discard(self) -> None:
        """Throw the producer away, with what has not arrived."""
        producer, self._producer = self._producer, None
        self._pending.clear()
        if producer is not None:
            # A step that hangs on another thread would hold us up here.
            background.start(producer.purge, "kafka-discard")

    def close(self) -> None:
        """Give up what was not flushed."""
        self._discard()


def _text(error: KafkaError | None) -> str:
    return "no answer in time" if error is None else f"{error.name()}: {error.str()}"
