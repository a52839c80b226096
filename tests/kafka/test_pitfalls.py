"""What has bitten others, each on a real broker: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewPartitions

from monitor.checkpoints import Cadence
from monitor.errors import GapError
from monitor.resume import Policy
from monitor.snapshot import Note
from tests.kafka.broker import Broker
from tests.kafka.corrupt import break_checksum, garble_records, set_unknown_codec
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watcher, dead_letters, good, send

Watch = Callable[..., Watcher]


@pytest.fixture
def watch(broker: Broker, tmp_path: Path) -> Iterator[Watch]:
    """Starts watchers, each name with a state folder of its own."""
    started: list[Watcher] = []

    def begin(topic: str, name: str = "one", servers: str = "", **changes: object) -> Watcher:
        servers = servers or broker.bootstrap_servers
        started.append(Watcher(servers, topic, tmp_path / name, **changes))
        return started[-1]

    yield begin
    for watcher in started:
        watcher.stop()


@pytest.fixture
def admin(broker: Broker) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    yield client
    client.close()


POISON = {
    "first": [b"bad", *good(19)],
    "middle": [*good(10), b"bad", *good(9)],
    "last": [*good(19), b"bad"],
    "whole_batch": [b"bad"] * 20,
    "tombstone": [*good(10), None, *good(9)],
}


@pytest.mark.parametrize("place", POISON)
def test_poison_costs_one_dead_letter_each(
    place: str, broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name, values = topic(), POISON[place]
    servers = broker.bootstrap_servers
    send(servers, name, values)
    watcher = watch(name)
    watcher.until_consumed(20)
    bad = [i for i, value in enumerate(values) if value != b"1.0"]
    assert watcher.totals[0].dead_lettered == len(bad)
    send(servers, name, good(5))
    watcher.until_consumed(25)
    reason = "tombstone" if place == "tombstone" else "undecodable"
    assert dead_letters(servers, name) == [(i, reason, None) for i in bad]


def test_a_retained_partition_after_an_eager_rebalance_goes_on_where_it_stood(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name = topic(partitions=2)
    eager = {"subscription": {"eager": True}}
    first = watch(name, "one", **eager)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until_consumed(100)
    second = watch(name, "two", **eager)
    first.until(lambda: len(first.source.assigned) == len(second.source.assigned) == 1)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: first.consumed() + second.consumed() >= 200)
    second.stop()
    first.until(lambda: len(first.source.assigned) == 2)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: first.consumed() + second.consumed() >= 300)
    assert [_scored(p, first, second) for p in (0, 1)] == [150, 150]


def test_what_is_done_is_committed_in_the_rebalance_callback(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name = topic(partitions=2)
    rarely = Cadence(seconds=3600, records=10**9)
    first = watch(name, "one", cadence=rarely)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until_consumed(100)
    second = watch(name, "two", cadence=rarely)
    first.until(lambda: len(first.source.assigned) == len(second.source.assigned) == 1)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: first.consumed() + second.consumed() >= 200)
    assert first.sample("rollbacks_total") == 0
    assert [_scored(p, first, second) for p in (0, 1)] == [100, 100]


def test_a_scoring_stall_past_the_poll_interval_loses_and_repeats_nothing(
    broker: Broker, topic: TopicFactory, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topic(partitions=2)
    short = {"subscription": {"max_poll_interval_seconds": 10.0}}
    first = watch(name, "one", **short)
    step, stalls = first.daemon.parts.pipeline.step, [30.0]

    def slow(records: object) -> object:
        if stalls:
            time.sleep(stalls.pop())
        return step(records)  # type: ignore[arg-type]

    first.until(lambda: len(first.source.assigned) == 2)
    monkeypatch.setattr(first.daemon.parts.pipeline, "step", slow)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: not stalls)
    second = watch(name, "two", **short)
    second.until_consumed(100)
    first.until(lambda: len(first.source.assigned) == len(second.source.assigned) == 1)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: first.consumed() + second.consumed() >= 200)
    assert [_scored(p, first, second) for p in (0, 1)] == [100, 100]
    assert first.sample("rollbacks_total") >= 1


def _scored(partition: int, *watchers: Watcher) -> int:
    return sum(w.totals[partition].scored for w in watchers if partition in w.totals)


@pytest.mark.parametrize("policy", ["earliest", "latest", "stop"])
def test_records_deleted_before_they_were_read_are_counted(
    policy: str, broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    send(servers, name, good(30))
    first = watch(name)
    first.until_consumed(30)
    first.stop()
    send(servers, name, good(50))
    admin.delete_records({TopicPartition(name, 0): 60})
    again = watch(name, policy=Policy(out_of_range=policy))
    if policy == "stop":
        assert isinstance(again.until_ended(), GapError)
        assert "kafka.out_of_range" in str(again.error)
        return
    again.until(lambda: again.totals[0].next_offset == 80)
    send(servers, name, good(5))
    again.until(lambda: again.totals[0].next_offset == 85)
    end = 60 if policy == "earliest" else 80
    assert again.totals[0].dead_lettered == end - 30
    assert again.totals[0].scored == 30 + 85 - end
    assert dead_letters(servers, name) == [(30, "expired", end)]


def test_records_deleted_while_they_are_read_are_counted(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    watcher = watch(name)
    send(servers, name, good(30))
    watcher.until_consumed(30)
    watcher.daemon.parts.quarantine.reason = "closed by the test"
    watcher.until(lambda: watcher.source._paused)
    send(servers, name, good(50))
    admin.delete_records({TopicPartition(name, 0): 60})
    watcher.daemon.parts.quarantine.reason = ""
    watcher.until(lambda: watcher.totals[0].next_offset == 80)
    total = watcher.totals[0]
    assert total.scored + total.dead_lettered == 80
    assert total.dead_lettered in (0, 30)


def test_an_added_partition_is_read_from_its_beginning(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    watcher = watch(name)
    send(servers, name, good(10))
    watcher.until_consumed(10)
    admin.create_partitions({name: NewPartitions(total_count=3)})
    for partition in (1, 2):
        send(servers, name, good(10), partition)
    watcher.until_consumed(30)
    assert {p: t.scored for p, t in watcher.totals.items()} == {0: 10, 1: 10, 2: 10}


def test_after_the_groups_offsets_expired_it_goes_on_where_its_own_snapshot_stands(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(partitions=2), broker.bootstrap_servers
    for partition in (0, 1):
        send(servers, name, good(20), partition)
    first = watch(name)
    first.until_consumed(40)
    first.stop()
    admin.delete_groups([name])
    send(servers, name, good(20), 1)
    again = watch(name)
    again.until_consumed(60)
    assert again.sample("rows_scored_total") == 20


def test_offsets_of_an_idle_partition_are_committed_again_before_they_expire(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name = topic()
    send(broker.bootstrap_servers, name, good(20))
    watcher = watch(name, cadence=Cadence(seconds=0.3, records=10**6, recommit_seconds=1))
    watcher.until_consumed(20)

    asking = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, group_id=name)

    def sequence() -> int:
        stored = asking.committed(TopicPartition(name, 0), metadata=True)
        note = Note.parse(stored.metadata) if stored else None
        return note.sequence if note and stored.offset == 20 else -1

    wait_until(lambda: sequence() > 0, 20, lambda: f"sequence {sequence()}")
    before = sequence()
    wait_until(lambda: sequence() >= before + 2, 20, lambda: f"still sequence {sequence()}")
    asking.close(autocommit=False)
    assert watcher.consumed() == 20


def test_a_broker_that_is_down_at_the_start_is_waited_for(tmp_path: Path) -> None:
    late = Broker(tmp_path)
    watcher = Watcher(late.bootstrap_servers, "late", tmp_path / "state")
    try:
        watcher.until(lambda: watcher.daemon.parts.board.published != {})
        assert not watcher.daemon.parts.board.published["ready"]
        late.start()
        TopicFactory(late.bootstrap_servers).create("late")
        send(late.bootstrap_servers, "late", good(20))
        watcher.until_consumed(20)
        assert watcher.daemon.parts.board.published["ready"]
    finally:
        watcher.stop()
        late.kill()


DAMAGE = {"checksum": break_checksum, "codec": set_unknown_codec, "content": garble_records}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_batch_that_cannot_be_read_becomes_one_dead_letter_with_its_offsets(
    damage: str, tmp_path: Path
) -> None:
    own = Broker(tmp_path)
    own.start()
    servers = own.bootstrap_servers
    name = TopicFactory(servers)(partitions=2)
    for _ in range(3):
        send(servers, name, good(10), compression_type="gzip")
    send(servers, name, good(10), partition=1)
    own.stop()
    assert DAMAGE[damage](own, name, 0, 12) == (10, 20)
    own.start()
    watcher = Watcher(servers, name, tmp_path / "state")
    try:
        watcher.until_consumed(40)
        send(servers, name, good(5))
        watcher.until_consumed(45)
        assert (watcher.totals[0].scored, watcher.totals[0].dead_lettered) == (25, 10)
        assert watcher.totals[1].scored == 10
        assert dead_letters(servers, name) == [(10, "unreadable", 20)]
    finally:
        watcher.stop()
        own.kill()
