"""What has bitten others, each on a real broker: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, OffsetAndMetadata, TopicPartition
from kafka.admin import NewPartitions

from monitor.daemon.cadence import Cadence
from monitor.errors import DamagedRecordsError, UserError
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.corrupt import (
    break_checksum,
    garble_records,
    lose_end,
    set_unknown_codec,
)
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watch, Watcher, dead_letters, good, send

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
    # With a short session, a busy machine has a member counted out before it commits at its end.
    eager = {"subscription": {"eager": True, "session_timeout_seconds": 30.0}}
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
    decide, stalls = first.daemon.parts.pipeline.decide, [30.0]

    def slow(scored: object, mute: str | None = None) -> object:
        if stalls:
            time.sleep(stalls.pop())
        return decide(scored, mute)  # type: ignore[arg-type]

    first.until(lambda: len(first.source.assigned) == 2)
    monkeypatch.setattr(first.daemon.parts.pipeline, "decide", slow)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    first.until(lambda: not stalls)
    second = watch(name, "two", **short)
    second.until_consumed(100)
    first.until(lambda: len(first.source.assigned) == len(second.source.assigned) == 1)
    for partition in (0, 1):
        send(broker.bootstrap_servers, name, good(50), partition)
    # What the first did in its stall counts until it is taken back.
    first.until(lambda: first.sample("rollbacks_total") >= 1)
    first.until(lambda: first.consumed() + second.consumed() >= 200)
    assert [_scored(p, first, second) for p in (0, 1)] == [100, 100]


def _scored(partition: int, *watchers: Watcher) -> int:
    return sum(w.totals[partition].scored for w in watchers if partition in w.totals)


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


def test_a_quiet_partition_need_not_wait_for_the_backlog_of_a_busy_one(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name, servers = topic(partitions=2), broker.bootstrap_servers
    send(servers, name, [b"1.0" + b"0" * 1000] * 12_000, 0)
    send(servers, name, good(20), 1)
    watcher = watch(name)
    watcher.until(lambda: 1 in watcher.totals and watcher.totals[1].scored == 20)
    assert watcher.totals[0].scored < 9000  # of 12,000
    watcher.until_consumed(12_020)


def test_a_broker_that_is_down_at_the_start_is_waited_for(tmp_path: Path, client: str) -> None:
    late = Broker(tmp_path)
    watcher = Watcher(late.bootstrap_servers, "late", tmp_path / "state", client=client)
    try:
        watcher.until(lambda: watcher.daemon.parts.board.published != {})
        assert not watcher.daemon.parts.board.published["ready"]
        late.start()
        TopicFactory(late.bootstrap_servers).create("late")
        send(late.bootstrap_servers, "late", good(20))
        watcher.until_consumed(20)
        watcher.until(lambda: bool(watcher.daemon.parts.board.published["ready"]))
    finally:
        watcher.stop()
        late.kill()


DAMAGE = {"checksum": break_checksum, "codec": set_unknown_codec, "content": garble_records}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_batch_that_cannot_be_read_becomes_one_dead_letter_with_its_offsets(
    damage: str, tmp_path: Path, client: str
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
    watcher = Watcher(servers, name, tmp_path / "state", client=client)
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


def test_a_header_whose_name_is_no_text_is_a_dead_letter(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    odd = b"a\xff".decode(errors="surrogateescape")
    for _ in range(2):
        kafkacat.produce(servers, name, [b"1.0"], partition=0, key="k", headers={odd: "1"})
        send(servers, name, good(5))
    watcher = watch(name)
    watcher.until_consumed(12)
    assert (watcher.totals[0].scored, watcher.totals[0].dead_lettered) == (10, 2)
    watcher.stop()
    assert dead_letters(servers, name) == [(0, "unreadable", 1), (6, "unreadable", 7)]


LARGE: list[bytes | None] = [b"1.0" + b"0" * 1000] * 10
"""Enough for the broker to have each batch in its index, and find the next without this one."""


def test_a_damaged_batch_whose_end_nobody_knows_stops_it_until_somebody_steps_over_it(
    tmp_path: Path, client: str
) -> None:
    own = Broker(tmp_path)
    own.start()
    servers = own.bootstrap_servers
    name = TopicFactory(servers)()
    for _ in range(4):
        send(servers, name, LARGE)
    own.stop()
    assert lose_end(own, name, 0, 12) == (10, 20)
    own.start()
    try:
        for _ in range(2):  # a restart does not get past it either
            watcher = Watcher(servers, name, tmp_path / "state", client=client)
            assert_stopped_at_10(watcher, name)
            watcher.stop()
        move_group(servers, name, 30)
        watcher = Watcher(servers, name, tmp_path / "state", client=client)
        watcher.until_consumed(20)
        assert (watcher.totals[0].scored, watcher.totals[0].next_offset) == (20, 40)
        watcher.stop()
    finally:
        own.kill()


def assert_stopped_at_10(watcher: Watcher, name: str) -> None:
    """It has told why, and what comes before the damage is done."""
    error = watcher.until_ended()
    assert isinstance(error, DamagedRecordsError)
    assert str(error).startswith(f"{name}/0, offset 10: a batch of records is damaged")
    totals = watcher.totals[0]
    assert (totals.scored, totals.dead_lettered, totals.next_offset) == (10, 0, 10)


def move_group(servers: str, name: str, offset: int) -> None:
    """As kafka-consumer-groups does, once the group has no members."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.alter_group_offsets(name, {TopicPartition(name, 0): OffsetAndMetadata(offset, "", -1)})
    admin.close()


PACKAGES = {"snappy": "python-snappy", "lz4": "lz4", "zstd": "zstandard"}


@pytest.mark.parametrize("codec", PACKAGES)
@pytest.mark.parametrize("client", ["kafka-python"], indirect=True)  # librdkafka brings its own
def test_records_that_need_a_missing_package_stop_it_and_are_not_skipped(
    codec: str,
    broker: Broker,
    topic: TopicFactory,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    send(servers, name, good(10))
    send(servers, name, good(10), compression_type=codec)
    with monkeypatch.context() as missing:
        missing.setattr(f"kafka.codec.has_{codec}", lambda: False)
        error = watch(name).until_ended()
    assert isinstance(error, UserError)
    assert f"pip install {PACKAGES[codec]}" in str(error)
    again = watch(name)
    again.until_consumed(20)
    assert again.totals[0].scored == 20
