"""The Kafka source on a real broker: the contract of all sources, outages and rebalances."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer

from monitor.kafka_options import Connection
from monitor.records import Partition, Record
from monitor.sources import Polled
from monitor.sources.kafka import CLOSE_SECONDS, KafkaSource, Subscription
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory, new_name
from tests.monitor.source_contract import (
    SourceContract,
    addresses,
    collect,
    filled,
    later,
    record,
)

SLACK_SECONDS = 1.0
"""How much later than asked a poll may return on a busy machine."""


class KafkaStream:
    """A topic of two partitions, and members of one group that read it."""

    def __init__(self, servers: str, topic: str) -> None:
        self.servers = servers
        self.topic = topic
        self.zero, self.one = Partition(topic, 0), Partition(topic, 1)
        self._members: list[KafkaSource] = []

    def append(self, records: Iterable[Record]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.servers, acks="all", linger_ms=5)
        sent = [(item, _send(producer, item)) for item in records]
        producer.flush(timeout=30)
        for item, future in sent:
            assert future.get(timeout=1).offset == item.offset
        producer.close()

    def join(self, start: str = "earliest", max_poll_interval_seconds: float = 300) -> KafkaSource:
        """One more member of the group."""
        subscription = Subscription(
            topic=self.topic,
            group=f"{self.topic}-readers",
            start=start,
            session_timeout_seconds=6,
            max_poll_interval_seconds=max_poll_interval_seconds,
        )
        self._members.append(KafkaSource(Connection(self.servers), subscription))
        return self._members[-1]

    def open(self) -> KafkaSource:
        self.close()
        return self.join()

    def close(self) -> None:
        while self._members:
            self._members.pop().close()


def _send(producer: KafkaProducer, item: Record) -> object:
    return producer.send(
        item.topic,
        key=item.key,
        value=item.value,
        headers=list(item.headers),
        partition=item.partition,
        timestamp_ms=item.timestamp,
    )


@pytest.fixture
def stream(broker: Broker, topic: TopicFactory) -> Iterator[KafkaStream]:
    stream = KafkaStream(broker.bootstrap_servers, topic(partitions=2))
    yield stream
    stream.close()


class TestKafkaSource(SourceContract):
    """The contract."""


class Reader:
    """Polls a source and checks that each partition comes without gap or unexplained repeat.

    Only after `lost` named a partition may it come again, from its committed offset on.
    """

    def __init__(self, source: KafkaSource) -> None:
        self.source = source
        self.committed: dict[Partition, int] = {}
        self.next: dict[Partition, int] = {}
        self.lost: set[Partition] = set()

    def poll(self, seconds: float = 0.2) -> Polled:
        polled = self.source.poll(seconds, 7)
        for partition in polled.lost:
            self.lost.add(partition)
            self.next[partition] = self.committed.get(partition, 0)
        for item in polled.records:
            assert item.offset == self.next.get(item.source, 0)
            self.next[item.source] = item.offset + 1
        return polled

    def commit(self, partition: Partition, offset: int) -> None:
        assert self.source.commit({partition: offset})
        self.committed[partition] = offset

    def read_to(self, ends: dict[Partition, int], seconds: float = 60.0) -> None:
        def there() -> bool:
            self.poll()
            return self.next == ends

        wait_until(there, seconds, lambda: f"read to {self.next}, not to {ends}")


def until_assigned(*sources: KafkaSource, each: int) -> list[list[Polled]]:
    """Poll all in turn until each has so many partitions; returns what each polled."""
    polled: list[list[Polled]] = [[] for _ in sources]

    def settled() -> bool:
        for source, polls in zip(sources, polled, strict=True):
            polls.append(source.poll(0.1, 1000))
        return all(len(source.assigned) == each for source in sources)

    wait_until(settled, 30, lambda: f"assigned {[sorted(s.assigned) for s in sources]}")
    return polled


def lost(polls: Iterable[Polled]) -> list[Partition]:
    return sorted(partition for polled in polls for partition in polled.lost)


def records_of(polls: Iterable[Polled]) -> list[Record]:
    return [item for polled in polls for item in polled.records]


def test_a_second_member_takes_partitions_away_and_lost_says_so(stream: KafkaStream) -> None:
    first = stream.join()
    until_assigned(first, each=2)
    second = stream.join()
    of_first, of_second = until_assigned(first, second, each=1)
    assert not first.assigned & second.assigned
    assert first.assigned | second.assigned == {stream.zero, stream.one}
    # The rest stays where it is: a rebalance does not stop what it does not move.
    assert lost(of_first) == sorted(second.assigned)
    assert lost(of_second) == []


def test_records_of_a_lost_partition_go_to_its_new_owner_only(stream: KafkaStream) -> None:
    filled(stream, 10, 10)
    first = stream.join()
    collect(first, 20)
    assert first.commit({stream.zero: 4, stream.one: 4})
    second = stream.join()
    _, of_second = until_assigned(first, second, each=1)
    (moved,) = second.assigned
    (kept,) = first.assigned
    # What the first had polled but not committed is the second's now.
    came = records_of(of_second)
    came += collect(second, 6 - len(came))
    assert addresses(came) == [(moved.number, offset) for offset in range(4, 10)]

    stream.append(record(stream, p.number, 10 + i) for p in (moved, kept) for i in range(5))
    expected = [10, 11, 12, 13, 14]
    assert addresses(collect(first, 5) + later(first)) == [(kept.number, i) for i in expected]
    assert addresses(collect(second, 5) + later(second)) == [(moved.number, i) for i in expected]


def test_a_former_owner_cannot_commit(stream: KafkaStream) -> None:
    filled(stream, 10, 10)
    first = stream.join()
    collect(first, 20)
    second = stream.join()
    until_assigned(first, second, each=1)
    (moved,) = second.assigned
    assert second.commit({moved: 9})
    assert first.commit({moved: 2})
    second.close()
    until_assigned(first, each=2)
    assert [item.offset for item in collect(first, 1) if item.source == moved] == [9]


def test_a_member_that_leaves_hands_its_partitions_back(stream: KafkaStream) -> None:
    filled(stream, 5, 5)
    first, second = stream.join(), stream.join()
    until_assigned(first, second, each=1)
    second.close()
    until_assigned(first, each=2)
    stream.append([record(stream, 0, 5), record(stream, 1, 5)])
    newest = {(0, 5), (1, 5)}
    seen: set[tuple[int, int]] = set()

    def complete() -> bool:
        seen.update(addresses(first.poll(0.2, 1000).records))
        return newest <= seen

    wait_until(complete, 30, lambda: f"only {sorted(seen)} came")


def test_a_member_that_stalled_loses_its_partitions_and_cannot_commit(stream: KafkaStream) -> None:
    filled(stream, 10, 10)
    stalled = stream.join(max_poll_interval_seconds=2)
    collect(stalled, 20)
    heir = stream.join()
    # `stalled` does not poll meanwhile: it scores a batch that takes for ever.
    assert len(collect(heir, 20)) == 20
    assert heir.commit({stream.zero: 10, stream.one: 10})
    stalled.commit({stream.zero: 1, stream.one: 1})
    polls = [stalled.poll(0.2, 1000)]
    stalled.close()
    assert lost(polls) == [stream.zero, stream.one]
    assert records_of(polls) == []
    heir.close()
    reader = stream.join()
    until_assigned(reader, each=2)
    assert later(reader) == []


def test_a_new_group_starts_at_the_earliest_record_if_so_configured(stream: KafkaStream) -> None:
    sent = filled(stream, 3, 3)
    assert addresses(collect(stream.join(start="earliest"), 6)) == addresses(sent)


def test_a_new_group_starts_at_the_latest_record_if_so_configured(stream: KafkaStream) -> None:
    filled(stream, 3, 3)
    source = stream.join(start="latest")
    wait_until(
        lambda: source.poll(0.1, 1000) == Polled() and len(source.positions()) == 2,
        30,
        lambda: f"positions {source.positions()}",
    )
    new = [record(stream, 0, 3), record(stream, 1, 3)]
    stream.append(new)
    assert addresses(collect(source, 2) + later(source)) == addresses(new)


def test_a_missing_topic_is_waited_for(broker: Broker, topic: TopicFactory) -> None:
    name = new_name()
    stream = KafkaStream(broker.bootstrap_servers, name)
    source = stream.join()
    assert later(source) == []
    assert source.assigned == frozenset()
    assert source.connected
    topic.create(name, partitions=2)
    sent = filled(stream, 3, 3)
    assert addresses(collect(source, 6)) == addresses(sent)
    stream.close()


@pytest.mark.kafka
def test_without_a_broker_it_waits_and_then_reads(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    stream = KafkaStream(broker.bootstrap_servers, "late")
    source = stream.join()
    for seconds in (0.0, 0.3, 0.3, 0.3):
        started = time.monotonic()
        assert source.poll(seconds, 10) == Polled()
        assert time.monotonic() - started < seconds + SLACK_SECONDS
        assert not source.connected
        assert source.assigned == frozenset()
        assert source.positions() == {}
        assert not source.commit({stream.zero: 1})
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
def test_closing_without_a_broker_is_quick(tmp_path: Path) -> None:
    source = KafkaStream(Broker(tmp_path).bootstrap_servers, "nowhere").join()
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
            lambda: reader.poll().records == () and not reader.source.connected,
            30,
            lambda: "still connected to a broker that is gone",
        )
        assert not reader.source.commit({stream.zero: 50})
    finally:
        broker.start()
    stream.append(record(stream, p, 50 + i) for p in (0, 1) for i in range(20))
    reader.read_to({stream.zero: 70, stream.one: 70})
    assert reader.source.connected
    reader.commit(stream.zero, 70)


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
