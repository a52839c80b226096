"""Events to Kafka topics, one topic a kind, through librdkafka."""

from __future__ import annotations

from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from kafka.errors import KafkaError as CreationError

from monitor.process import background
from monitor.stream.confluent_options import LibraryLog, options
from monitor.stream.sinks.deliveries import LONGEST_SECONDS, Deliveries, Delivery, Failure
from monitor.stream.sinks.topics import create_topics

REQUEST_SECONDS: Final = 8.0
DELIVERY_SECONDS: Final = 10.0
TOPIC_SECONDS: Final = 5.0
"""So long a topic may be unknown before its messages fail."""
LONGEST_MESSAGE_BYTES: Final = 1_000_000_000
"""The most that librdkafka takes."""
_TOO_LARGE: Final = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


class Report:
    """What librdkafka says of one message, once it does. error: None if it has arrived."""

    def __init__(self) -> None:
        self.done = False
        self.error: KafkaError | None = None

    def __call__(self, error: KafkaError | None, message: Any) -> None:
        """Called while the producer is served."""
        self.done, self.error = True, error


class ConfluentSink(Deliveries):
    """Publishes with acknowledgement of all in-sync replicas; connects when first used."""

    _errors = (KafkaException, CreationError, OSError, BufferError)

    def _send(self, delivery: Delivery) -> None:
        event, delivery.handle = delivery.event, Report()
        self._producer.produce(
            self._topics.names[event.kind],
            key=event.key,
            value=event.value,
            headers=list(event.headers),
            on_delivery=delivery.handle,
        )

    def _serve(self, seconds: float) -> None:
        # `flush` sends at once what `poll` would let linger.
        self._producer.flush(seconds)

    def _outcome(self, delivery: Delivery) -> Failure | bool:
        report: Report = delivery.handle
        if not report.done:
            return False
        error = report.error
        if error is None:
            return True
        return Failure(f"{error.name()}: {error.str()}", too_large=error.code() in _TOO_LARGE)

    def _connect(self) -> Any:
        self._refusals = create_topics(self._connection, self._topics)
        # As with kafka-python: one request at a time keeps the order after a failure.
        return self._make_producer(
            {
                "max.in.flight.requests.per.connection": 1,
                "request.timeout.ms": int(LONGEST_SECONDS * 1000),
                "socket.timeout.ms": 300_000,
                "delivery.timeout.ms": int(LONGEST_SECONDS * 1000),
            }
        )

    def _make_producer(self, special: dict[str, Any]) -> Any:
        return Producer(
            {
                **options(self._connection),
                "logger": LibraryLog(),
                "acks": "all",
                "linger.ms": 5,
                "message.max.bytes": min(self._topics.max_message_bytes, LONGEST_MESSAGE_BYTES),
                "topic.metadata.propagation.max.ms": int(TOPIC_SECONDS * 1000),
                "request.timeout.ms": int(REQUEST_SECONDS * 1000),
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
                **special,
                **self._connection.native,
            }
        )

    def _throw_away(self, producer: Any) -> None:
        """A step that hangs on another thread would hold us up here."""
        background.start(producer.purge, "kafka-discard")
