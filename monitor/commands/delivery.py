"""Messages to a topic, each acknowledged or counted as failed: what `produce` sends with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from monitor.errors import UserError

if TYPE_CHECKING:
    from kafka import KafkaProducer

CONNECT_SECONDS = 10.0
DELIVERY_SECONDS = 30.0
UNDER_WAY_BYTES = 32 * 2**20
LARGEST_MESSAGE_BYTES = 64 * 2**20
"""The broker decides; this is only above what it usually takes."""


def connect(servers: str) -> KafkaProducer:
    """A producer that has met a broker; raises UserError if there is none within 10 seconds."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from monitor.kafka_options import Connection
    from monitor.kafka_options import connect as make

    try:
        return make(
            KafkaProducer,
            **Connection(servers).options(CONNECT_SECONDS),
            acks="all",
            linger_ms=5,
            max_request_size=LARGEST_MESSAGE_BYTES,
            max_block_ms=int(CONNECT_SECONDS * 1000),
            request_timeout_ms=int(DELIVERY_SECONDS * 500),
            delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
        )
    except (KafkaError, OSError, ValueError) as error:
        raise UserError(
            f"--bootstrap-servers {servers}: cannot reach a broker ({_described(error)})."
            " Check the address, and that Kafka is running"
        ) from None


def _described(error: BaseException | None) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    name = type(error).__name__
    return text if name in text else f"{name}: {text}"[:300]


class Delivery:
    """Sends, with a bounded number of bytes under way, and counts what was acknowledged.

    sent: messages handed over. error: the first that a message failed with.
    """

    def __init__(self, producer: KafkaProducer, topic: str, message_bytes: int) -> None:
        self._producer = producer
        self._topic = topic
        # The producer itself would keep every message in memory that a slow broker has not taken.
        under_way = max(1, min(10_000, UNDER_WAY_BYTES // max(1, message_bytes)))
        self._room = threading.BoundedSemaphore(under_way)
        self._lock = threading.Lock()
        self._arrived = self._failed = self.sent = 0
        self.error: BaseException | None = None

    def send(self, key: bytes, value: bytes) -> None:
        """Send one message, when there is room. Raises UserError if no broker takes any."""
        from kafka.errors import KafkaError

        if not self._room.acquire(timeout=DELIVERY_SECONDS + 5):
            raise UserError(f"topic {self._topic}: the broker takes no messages")
        try:
            future = self._producer.send(self._topic, key=key, value=value)
        except KafkaError as error:
            self.error = self.error or error
            raise UserError(self.failure()) from None
        self.sent += 1
        future.add_callback(self._acknowledged)
        future.add_errback(self._refused)

    def finish(self) -> int:
        """Wait for what is under way, close, and return how many messages were acknowledged."""
        from kafka.errors import KafkaError

        try:
            self._producer.flush(timeout=DELIVERY_SECONDS + 5)
        except KafkaError as error:
            self.error = self.error or error
        self._producer.close(timeout=2)
        with self._lock:
            return self._arrived

    def failure(self) -> str:
        """What went wrong, in one line."""
        count = f"{self._failed:,} messages were not delivered: " if self._failed else ""
        return f"topic {self._topic}: {count}{_described(self.error)}"

    def _acknowledged(self, metadata: object) -> None:
        with self._lock:
            self._arrived += 1
        self._room.release()

    def _refused(self, error: BaseException) -> None:
        with self._lock:
            self._failed += 1
            self.error = self.error or error
        self._room.release()
