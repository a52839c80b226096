"""The Kafka source on a real broker: the contract of all sources, outages and rebalances."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources import Source
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.streams import KafkaStream, Member, settle, until_read
from tests.kafka.topics import TopicFactory, new_name
from tests.monitor.stream.source_contract import (
    SourceContract,
    addresses,
    collect,
    commit,
    filled,
    later,
    record,
)

Join = Callable[..., Member]


@pytest.fixture
def stream(broker: Broker, topic: TopicFactory, client: str) -> Iterator[KafkaStream]:
    stream = KafkaStream(broker.bootstrap_servers, topic(partitions=2), client=client)
    yield stream
    stream.close()


class TestKafkaSource(SourceContract):
    """The contract."""


@pytest.fixture
def join(stream: KafkaStream) -> Iterator[Join]:
    """Adds a member to the group that polls all the time."""
    members: list[Member] = []

    def begin(**settings: Any) -> Member:
        members.append(Member(stream.join(**settings)))
        return members[-1]

    yield begin
    for member in members:
        member.pause()


def test_a_second_member_takes_partitions_away_and_lost_says_so(
    stream: KafkaStream, join: Join
) -> None:
    first = join()
    settle(first, partitions=2)
    second = join()
    settle(first, second, partitions=1)
    (kept,), (moved,) = first.source.assigned, second.source.assigned
    assert {kept, moved} == {stream.zero, stream.one}
    # What stays is not interrupted by what moves.
    wait_until(lambda: first.lost == [moved], 5, lambda: f"lost {first.lost}, not {moved}")
    assert second.lost == []


def test_records_of_a_lost_partition_go_to_its_new_owner_only(
    stream: KafkaStream, join: Join
) -> None:
    filled(stream, 10, 10)
    first = join()
    until_read(first, stream.zero, 9)
    until_read(first, stream.one, 9)
    commit(first.pause(), {stream.zero: 4, stream.one: 4})
    first = Member(first.source)
    second = join()
    settle(first, second, partitions=1)
    (kept,), (moved,) = first.source.assigned, second.source.assigned
    stream.append(record(stream, p.number, 10 + i) for p in (moved, kept) for i in range(5))
    until_read(first, kept, 14)
    until_read(second, moved, 14)
    first.pause(), second.pause()
    # What the first had polled and not committed is the second's now; the first keeps its place.
    assert second.offsets(moved) == list(range(4, 15))
    assert first.offsets(kept) == list(range(10, 15))
    assert first.offsets(moved) == second.offsets(kept) == []


def test_a_former_owner_cannot_commit(stream: KafkaStream, join: Join) -> None:
    filled(stream, 10, 10)
    first = join()
    until_read(first, stream.zero, 9)
    until_read(first, stream.one, 9)
    second = join()
    settle(first, second, partitions=1)
    (moved,) = second.source.assigned
    until_read(second, moved, 9)
    assert commit(second.pause(), {moved: 8})
    commit(first.pause(), {moved: 2})
    heir = Member(first.source)
    second.leave()
    until_read(heir, moved, 9)
    heir.pause()
    assert heir.offsets(moved) == [8, 9]


def test_a_member_that_stalled_loses_its_partitions_and_cannot_commit(
    stream: KafkaStream, join: Join
) -> None:
    filled(stream, 10, 10)
    stalled = join(max_poll_interval_seconds=5)
    until_read(stalled, stream.zero, 9)
    until_read(stalled, stream.one, 9)
    # As if it scored a batch for longer than the group waits.
    source = stalled.pause()
    heir = join()
    until_read(heir, stream.zero, 9)
    until_read(heir, stream.one, 9)
    assert commit(heir.pause(), {stream.zero: 10, stream.one: 10})
    commit(source, {stream.zero: 1, stream.one: 1})
    lost: set[Partition] = set()

    def both_lost() -> bool:
        lost.update(source.poll(0.2, 1000).lost)
        return lost == {stream.zero, stream.one}

    wait_until(both_lost, 30, lambda: f"lost {lost}")
    heir.leave()
    source.close()
    reader = join()
    settle(reader, partitions=2)
    assert later(reader.pause()) == reader.records == []


def test_a_member_that_was_counted_out_gets_a_partition_only_after_its_owner_has_let_it_go(
    stream: KafkaStream, join: Join
) -> None:
    filled(stream, 10, 10)
    stalled = join(max_poll_interval_seconds=5)
    settle(stalled, partitions=2)
    until_read(stalled, stream.one, 9)
    source = stalled.pause()
    heir = join()
    until_read(heir, stream.zero, 9)
    until_read(heir, stream.one, 9)
    # What the heir has done is committed only when it must let a partition go.
    heir.source.on_leaving(lambda leaving: done(heir.source, leaving))
    back = Member(source)
    settle(heir, back, partitions=1)
    (moved,) = back.source.assigned
    wait_until(lambda: moved in back.assigned, 30, lambda: f"assigned {back.assigned}")
    back.pause()
    assert back.assigned[moved].committed == Committed(10, "a note")


@pytest.mark.parametrize("client", ["confluent"], indirect=True)
def test_a_group_of_the_consumer_protocol_hands_over_what_was_done(
    stream: KafkaStream, join: Join
) -> None:
    filled(stream, 10, 10)
    first = join(protocol="consumer")
    until_read(first, stream.zero, 9)
    until_read(first, stream.one, 9)
    first.source.on_leaving(lambda leaving: done(first.source, leaving))
    second = join(protocol="consumer")
    settle(first, second, partitions=1)
    (kept,), (moved,) = first.source.assigned, second.source.assigned
    stream.append(record(stream, p.number, 10 + i) for p in (moved, kept) for i in range(5))
    until_read(first, kept, 14)
    until_read(second, moved, 14)
    first.pause(), second.pause()
    assert second.assigned[moved].committed == Committed(10, "a note")
    assert second.offsets(moved) == list(range(10, 15))
    assert first.lost == [moved]
    assert first.offsets(kept) == list(range(15))


def done(source: Source, leaving: Iterable[Partition]) -> None:
    time.sleep(1.0)
    assert commit(source, dict.fromkeys(leaving, 10))


def test_a_leader_whose_polls_run_out_while_it_joins_gets_its_partitions(
    stream: KafkaStream,
) -> None:
    # The first poll comes before anything is known of the topic, so that it joins twice.
    for _ in range(3):
        stream.close()
        member = Member(stream.join(), poll_seconds=0.002)
        try:
            settle(member, partitions=2)
        finally:
            member.leave()


def test_a_missing_topic_is_waited_for(broker: Broker, topic: TopicFactory, client: str) -> None:
    name = new_name()
    stream = KafkaStream(broker.bootstrap_servers, name, client=client)
    source = stream.join()
    assert later(source) == []
    assert source.assigned == frozenset()
    assert source.connected
    topic.create(name, partitions=2)
    sent = filled(stream, 3, 3)
    assert addresses(collect(source, 6)) == addresses(sent)
    stream.close()
