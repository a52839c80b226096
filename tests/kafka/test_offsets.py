"""Offsets that expire, are deleted, moved or left out: each on a real broker."""

from __future__ import annotations

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from monitor.daemon.cadence import Cadence
from monitor.errors import GapError
from monitor.state.resume import Policy
from monitor.state.snapshot import Note
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watch, dead_letters, good, send


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
    again.until(lambda: again.next_offset(0) == 80)
    send(servers, name, good(5))
    again.until(lambda: again.next_offset(0) == 85)
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
    watcher.daemon.parts.dead_letter_limit.reason = "closed by the test"
    watcher.until(lambda: watcher.source._paused)
    send(servers, name, good(50))
    admin.delete_records({TopicPartition(name, 0): 60})
    watcher.daemon.parts.dead_letter_limit.reason = ""
    watcher.until(lambda: watcher.next_offset(0) == 80)
    total = watcher.totals[0]
    assert total.scored + total.dead_lettered == 80
    assert total.dead_lettered in (0, 30)


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


def test_a_topic_that_was_deleted_and_made_anew_is_read_from_its_beginning(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    watcher = watch(name)
    send(servers, name, good(30))
    watcher.until_consumed(30)
    admin.delete_topics([name])
    wait_until(lambda: name not in admin.list_topics(), 20, lambda: "still there")
    topic.create(name)
    send(servers, name, good(10))
    watcher.until(lambda: watcher.next_offset(0) == 10, 120)
    assert watcher.consumed() == 10
    assert watcher.sample("partitions_resumed_total", case="made_anew") == 1


def test_gaps_that_transactions_leave_are_no_lag_and_aborted_records_are_not_scored(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name = topic()
    watcher = watch(name)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, transactional_id=name)
    producer.init_transactions()
    for number in range(6):
        producer.begin_transaction()
        for _ in range(10):
            producer.send(name, value=b"1.0", partition=0)
        producer.flush()
        (producer.abort_transaction if number % 2 else producer.commit_transaction)()
    producer.close()
    watcher.until_consumed(30)
    labels = {"topic": name, "partition": "0"}
    watcher.until(lambda: watcher.sample("consumer_lag_records", **labels) == 0)
    send(broker.bootstrap_servers, name, good(5))
    watcher.until_consumed(35)
