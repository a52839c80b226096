"""What a topic refuses within a transaction: cut, dropped, or told; never for ever in silence."""

from __future__ import annotations

import time
import uuid

import pytest

from monitor.daemon.assembly.kafka import make_transactional_sink
from monitor.errors import SinkError, SinkSlowError, TransactionLostError
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks import TransactionalSink
from monitor.stream.sinks.topics import Topics
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory


def letter(number: int, value: bytes) -> Event:
    address = ("aead.address", b"in/0/%d" % number)
    return Event("dead_letter", b"k", value, (address, ("aead.reason", b"undecodable")))


EVENTS = [
    letter(1, b"fits"), letter(2, bytes(10_000)), letter(3, b"fits, too"),
    Event("alert", b"e/firing", b"{}"),
]  # fmt: skip


def published(sink: TransactionalSink, seconds: float = 90.0) -> None:
    """As the daemon does: a transaction that is lost is done again. Raises the last error."""
    deadline, begun = time.monotonic() + seconds, False
    while True:
        try:
            if not begun:
                sink.publish(EVENTS)
                begun = True
            sink.flush()
            return
        except SinkSlowError:
            continue
        except TransactionLostError as error:
            begun = False
            if time.monotonic() > deadline:
                raise
            last = error
        try:
            sink.recover()
        except SinkError:
            time.sleep(0.2)
        assert last is not None


def made(
    client: str, broker: Broker, names: dict[str, str], drop: bool
) -> tuple[TransactionalSink, list[str]]:
    topics = Topics(names, drop_refused=drop)
    connection = Connection(broker.bootstrap_servers)
    sink = make_transactional_sink(client, connection, topics, f"test-{uuid.uuid4().hex}")
    dropped: list[str] = []
    sink.dropped = dropped.append
    return sink, dropped


def test_what_is_too_large_goes_without_its_value(
    broker: Broker, topic: TopicFactory, client: str
) -> None:
    names = {"dead_letter": topic(configs={"max.message.bytes": "2000"}), "alert": topic()}
    sink, dropped = made(client, broker, names, drop=False)
    published(sink)
    assert dropped == []
    sink.close()


def test_what_is_taken_in_no_form_is_dropped_and_counted_once(
    broker: Broker, topic: TopicFactory, client: str
) -> None:
    names = {"dead_letter": topic(configs={"max.message.bytes": "80"}), "alert": topic()}
    sink, dropped = made(client, broker, names, drop=True)
    published(sink)
    assert dropped == ["dead_letter"] * 3
    sink.close()


def test_what_is_taken_in_no_form_blocks_and_says_what_to_do(
    broker: Broker, topic: TopicFactory, client: str
) -> None:
    names = {"dead_letter": topic(configs={"max.message.bytes": "80"}), "alert": topic()}
    sink, _ = made(client, broker, names, drop=False)
    with pytest.raises(TransactionLostError, match=r"outputs.dead_letters: .*max.message.bytes"):
        published(sink, seconds=15)
    assert kafkacat.consume(broker.bootstrap_servers, names["alert"]) == []
    sink.close()
