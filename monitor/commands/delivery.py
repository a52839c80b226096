"""Messages to Kafka, each acknowledged or counted as failed: what commands send with."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from monitor.errors import UserError

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from monitor.stream.kafka_options import Connection

DELIVERY_SECONDS = 30.0
UNDER_WAY_BYTES = 32 * 2**20
UNDER_WAY_MESSAGES = 10_000
LARGEST_MESSAGE_BYTES = 64 * 2**20
"""The broker decides; this is only above what it usually takes."""
NAMED = 10
"""Most refused messages that are named."""


def connect(servers: str) -> KafkaProducer:
    """A producer that has met a broker; raises UserError for addresses that cannot be, or if there
    is none within 10 seconds.
    """
    from monitor.config.servers import checked_servers
    from monitor.stream.kafka_options import Connection

    try:
        addresses = checked_servers(servers)
    except ValueError as error:
        raise UserError(f"--bootstrap-servers: {error}") from None
    return connected(Connection(addresses), f"--bootstrap-servers {servers}")


def connected(connection: Connection, source: str, **options: Any) -> KafkaProducer:
    """The same for any connection. source: where the user has it from; options: the producer's."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from monitor.stream.kafka_options import CONNECT_SECONDS, described
    from monitor.stream.kafka_options import connect as make

    try:
        return make(
            KafkaProducer,
            **connection.options(CONNECT_SECONDS),
            acks="all",
            linger_ms=5,
            max_request_size=LARGEST_MESSAGE_BYTES,
            max_block_ms=int(CONNECT_SECONDS * 1000),
            request_timeout_ms=int(DELIVERY_SECONDS * 500),
            delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
            **options,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise UserError(
            f"{source}: cannot reach a broker ({described(error)})."
            " Check the address, and that Kafka is running"
        ) from None


@contextmanager
def whole() -> Iterator[None]:
    """A Ctrl-C within is raised at the end of it.

    In the middle of a producer's send it would leave a message that nobody waits for, or for
    which everybody waits in vain, and locks of the library that are never released.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or not _on_main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            raise KeyboardInterrupt


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class Delivery:
    """Sends, with a bounded number of bytes under way, and counts what was acknowledged.

    topic: where messages go unless told otherwise. message_bytes: of a usual message; a larger
    one counts as what it is. sent: messages handed over. error: the first that a message failed
    with. refused: names of the first messages that failed.
    """

    def __init__(self, producer: KafkaProducer, topic: str, message_bytes: int = 0) -> None:
        self._producer = producer
        self._topic = topic
        self._failing = topic
        self._least = max(message_bytes, UNDER_WAY_BYTES // UNDER_WAY_MESSAGES)
        # The producer itself would keep every message in memory that a slow broker has not taken.
        self._under_way = 0
        self._changed = threading.Condition()
        self._arrived = self._failed = self.sent = 0
        self.error: BaseException | None = None
        self.refused: list[str] = []

    def send(self, key: bytes | None, value: bytes | None, *, name: str = "", **where: Any) -> None:
        """Send one message, when there is room. Raises UserError if no broker takes any.

        where: topic, partition, headers and timestamp_ms as kafka-python takes them.
        """
        from kafka.errors import KafkaError

        from monitor.stream.kafka_private import sendable

        headers = sendable(where.get("headers", []))
        if "headers" in where:
            where["headers"] = headers
        own = sum(len(n) + len(v or b"") for n, v in headers)
        size = max(self._least, len(key or b"") + len(value or b"") + own)
        topic = where.pop("topic", self._topic)
        self._wait_for_room(size)
        with whole():
            with self._changed:
                self._under_way += size
            try:
                future = self._producer.send(topic, key=key, value=value, **where)
            except KafkaError as error:
                self._ended(size)
                self._note(topic, error)
                raise UserError(self.failure()) from None
            self.sent += 1
            future.add_callback(partial(self._acknowledged, size))
            future.add_errback(partial(self._refused, size, name, topic))

    def _wait_for_room(self, size: int) -> None:
        """Wait until the message fits beside those under way; a huge one goes alone."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: not self._under_way or self._under_way + size <= UNDER_WAY_BYTES,
                DELIVERY_SECONDS + 5,
            ):
                raise UserError(f"topic {self._topic}: the broker takes no messages")

    def finish(self) -> int:
        """Wait for what is under way, close, and return how many messages were acknowledged.

        Not by the producer's own flush, which ends too soon when a batch was split because one
        message in it was too large (kafka-python 3.0.12).
        """
        begin = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, DELIVERY_SECONDS + 5)
            if self._under_way:
                waited = time.monotonic() - begin
                self.error = self.error or TimeoutError(f"no answer in {waited:.0f} seconds")
        self._producer.close(timeout=2)
        with self._changed:
            return self._arrived

    def failure(self) -> str:
        """What went wrong, in one line."""
        from monitor.stream.kafka_options import described

        count = f"{self._failed:,} messages were not delivered: " if self._failed else ""
        return f"topic {self._failing}: {count}{described(self.error)}"

    def _acknowledged(self, size: int, metadata: object) -> None:
        with self._changed:
            self._arrived += 1
            self._ended(size)

    def _refused(self, size: int, name: str, topic: str, error: BaseException) -> None:
        with self._changed:
            self._failed += 1
            self._note(topic, error)
            if name and len(self.refused) < NAMED:
                self.refused.append(name)
            self._ended(size)

    def _note(self, topic: str, error: BaseException) -> None:
        if self.error is None:
            self.error, self._failing = error, topic

    def _ended(self, size: int) -> None:
        with self._changed:
            self._under_way -= size
            self._changed.notify_all()
