"""`aead-monitor produce`: the records of a file to a Kafka topic."""

from __future__ import annotations

import argparse
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from monitor.commands import offline
from monitor.errors import UserError

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from monitor.codecs import Codec

Item = TypeVar("Item")
CODEC_NAMES = ("raw", "json", "npy", "image")
CONNECT_SECONDS = 10.0
DELIVERY_SECONDS = 30.0
UNDER_WAY_BYTES = 32 * 2**20
SHORTEST_SLEEP_SECONDS = 0.002
LARGEST_MESSAGE_BYTES = 64 * 2**20
"""The broker decides; this is only above what it usually takes."""
_EXAMPLE = """\
example:
  aead-monitor produce --data today.npy --topic images --bootstrap-servers localhost:9092
  aead-monitor produce --data photos/ --topic images --bootstrap-servers localhost:9092 \\
      --codec image --rate 50 --repeat 10

Every message has the record's position in the file as its key. Messages go out as fast as the
broker takes them unless --rate is given. Ctrl-C stops after what was sent has arrived.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "produce",
        help="send the records of a file to a topic",
        description="Send the records of a file to a Kafka topic, one a message.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, metavar="PATH", help=offline.FORMATS)
    parser.add_argument(
        "--where", metavar="KEY=VALUE", help="send these records only, e.g. y_test=1"
    )
    parser.add_argument("--topic", required=True, metavar="TOPIC")
    parser.add_argument(
        "--bootstrap-servers", required=True, metavar="HOST:PORT", help="separated by commas"
    )
    parser.add_argument("--codec", choices=CODEC_NAMES, default="raw", help="default: raw")
    parser.add_argument("--rate", type=float, metavar="R", help="messages a second")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="send the file N times")
    parser.add_argument("--limit", type=int, metavar="N", help="send at most N messages")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send, wait for every acknowledgement, and say how many came."""
    _check(options)

    import logging

    # kafka-python logs what is said here in one line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    messages = Messages(options)
    producer = _connect(options.bootstrap_servers)
    delivery = Delivery(producer, options.topic, messages.size)
    begin, stopped = time.monotonic(), False
    try:
        with _bar(options.topic, len(messages)) as advance:
            for key, value in paced(messages, options.rate):
                delivery.send(key, value)
                advance()
    except KeyboardInterrupt:
        stopped = True
    arrived = delivery.finish()
    rate = arrived / max(time.monotonic() - begin, 1e-9)
    print(
        f"{'stopped after' if stopped else 'sent'} {delivery.sent:,} messages to"
        f" {options.topic}, {arrived:,} acknowledged ({rate:,.0f} a second)"
    )
    if delivery.error is not None:
        print(f"aead-monitor: {delivery.failure()}", file=sys.stderr)
    return 0 if arrived == delivery.sent else 1


def _check(options: argparse.Namespace) -> None:
    if options.rate is not None and not 0 < options.rate < math.inf:
        raise UserError(f"--rate must be a number above 0, got {options.rate:g}")
    for name in ("repeat", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1, got {value}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", options.topic):
        raise UserError(
            f"--topic {options.topic}: the name of a topic has up to 249 of the characters"
            " a-z, A-Z, 0-9, dot, underscore and minus"
        )


class Messages:
    """Key and value of each record of the file, as often as asked. size: bytes of the first."""

    def __init__(self, options: argparse.Namespace) -> None:
        import numpy as np

        from monitor import datasets
        from monitor.codecs import CODECS, CodecSettings

        data = datasets.load(options.data, options.where)
        records = data.records
        # No codec carries booleans.
        self._records = records.astype(np.uint8) if records.dtype.kind == "b" else records
        self._index = data.index
        count: int = len(records) * options.repeat
        self._count = count if options.limit is None else min(count, options.limit)
        settings = CodecSettings(self._records.shape[1:], self._records.dtype.name)
        try:
            self._codec: Codec = CODECS[options.codec](settings)
            self.size = len(self._codec.encode(self._records[0]))
        except ValueError as error:
            raise UserError(
                f"{options.data}: cannot be sent with --codec {options.codec}: {error}"
            ) from None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for message in range(self._count):
            row = message % len(self._records)
            yield str(self._index[row]).encode(), self._codec.encode(self._records[row])


def paced(
    items: Iterable[Item],
    rate: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """The items, the i-th not before i / rate seconds; at once if there is no rate."""
    start = clock()
    for i, item in enumerate(items):
        early = 0.0 if rate is None else start + i / rate - clock()
        if early > SHORTEST_SLEEP_SECONDS:
            sleep(early)
        yield item


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


def _connect(servers: str) -> KafkaProducer:
    """A producer that has met a broker; raises UserError if there is none within 10 seconds."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from monitor.kafka_options import Connection, connect

    try:
        return connect(
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


@contextmanager
def _bar(topic: str, count: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; call what it yields after each message."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (f"to {topic}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending", total=count)
        yield lambda: bar.advance(task)
