"""The Kafka source while its broker is away, on a real one: it waits, and no record is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.stream.records import Partition
from monitor.stream.sources import Polled, Source
from monitor.stream.sources.link import CLOSE_SECONDS
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.streams import KafkaStream
from tests.kafka.topics import TopicFactory
from tests.monitor.stream.source_contract import (
    addresses,
    collect,
    commit,
    filled,
    poll,
    record,
)

SLACK_SECONDS = 3.0
"""How much later than asked a poll may return on a busy machine."""


@pytest.fixture
def stream(broker: Broker, topic: TopicFactory, client: str) -> Iterator[KafkaStream]:
    stream = KafkaStream(broker.bootstrap_servers, topic(partitions=2), client=client)
    yield stream
    stream.close()


class Reader:
    """Polls a source and checks that each partition comes without gap or unexplained repeat.

    Only after `lost` named a partition may it come again, from its committed offset on.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.committed: dict[Partition, int] = {}
        self.next: dict[Partition, int] = {}
        self.lost: set[Partition] = set()

    def poll(self, seconds: float = 0.2) -> Polled:
        polled = poll(self.source, seconds, 7)
        for partition in polled.lost:
            self.lost.add(partition)
            self.next[partition] = self.committed.get(partition, 0)
        for item in polled.records:
            assert item.offset == self.next.get(item.source, 0)
            self.next[item.source] = item.offset + 1
        return polled

    def commit(self, partition: Partition, offset: int) -> None:
        assert commit(self.source, {partition: offset})
        self.committed[partition] = offset

    def read_to(self, ends: dict[Partition, int], seconds: float = 60.0) -> None:
        def there() -> bool:
            self.poll()
            return self.next == ends

        wait_until(there, seconds, lambda: f"read to {self.next}, not to {ends}")


@pytest.mark.kafka
def test_without_a_broker_it_waits_and_then_reads(tmp_path: Path, client: str) -> None:
    broker = Broker(tmp_path)
    stream = KafkaStream(broker.bootstrap_servers, "late", client=client)
    source = stream.join()
    for seconds in (0.0, 0.3, 0.3, 0.3):
        started = time.monotonic()
        assert source.poll(seconds, 10) == Polled()
        assert time.monotonic() - started < seconds + SLACK_SECONDS
        assert not source.connected
        assert source.assigned == frozenset()
        assert source.positions() == {}
        assert not commit(source, {stream.zero: 1})
    broker.start()
    try:
        TopicFactory(broker.bootstrap_servers).create("late", partitions=2)
        sent = filled(stream, 3, 3)
        assert addresses(collect(source, 6)) == addresses(sent)
        assert source.connected
        stream.close()
    finally:
        broker.kill()


@pytest.mark.kafka
def test_closing_without_a_broker_is_quick(tmp_path: Path, client: str) -> None:
    source = KafkaStream(Broker(tmp_path).bootstrap_servers, "nowhere", client=client).join()
    source.poll(0.1, 10)
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < CLOSE_SECONDS + SLACK_SECONDS


def test_no_record_is_lost_when_the_broker_crashes(broker: Broker, stream: KafkaStream) -> None:
    filled(stream, 50, 50)
    reader = Reader(stream.join())
    reader.read_to({stream.zero: 50, stream.one: 50})
    reader.commit(stream.zero, 30)
    broker.kill()
    try:
        wait_until(
            lambda: not reader.poll().records and not reader.source.connected,
            30,
            lambda: "still connected to a broker that is gone",
        )
        assert not commit(reader.source, {stream.zero: 50})
    finally:
        broker.start()
    stream.append(record(stream, p, 50 + i) for p in (0, 1) for i in range(20))
    reader.read_to({stream.zero: 70, stream.one: 70})
    # It is looked up once a second.
    wait_until(lambda: reader.source.connected, 10, lambda: "read, and not connected")
    # If the session was over meanwhile, the group takes us in anew, and all is read once more.
    wait_until(
        lambda: not reader.poll().records and commit(reader.source, {stream.zero: 70}),
        60,
        lambda: f"not committed, read to {reader.next}",
    )
    reader.read_to({stream.zero: 70, stream.one: 70})


def test_closing_is_quick_while_the_broker_is_away(broker: Broker, stream: KafkaStream) -> None:
    filled(stream, 1, 1)
    source = stream.join()
    collect(source, 2)
    broker.kill()
    try:
        started = time.monotonic()
        source.close()
        assert time.monotonic() - started < CLOSE_SECONDS + SLACK_SECONDS
    finally:
        broker.start()
