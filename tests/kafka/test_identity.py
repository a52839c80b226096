"""Names stay while the thing behind them changes, each on a real broker."""

from __future__ import annotations

import time
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewPartitions
from structlog.testing import capture_logs

from monitor.state.resume import Policy
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watch, Watcher, good, send


def make_anew(admin: KafkaAdminClient, topic: TopicFactory, name: str, partitions: int = 1) -> None:
    admin.delete_topics([name])
    wait_until(lambda: name not in admin.list_topics(), 20, lambda: "still there")
    topic.create(name, partitions)


def test_a_topic_made_anew_and_overfilled_while_we_are_down_is_read_from_its_first_record(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    send(servers, name, good(30))
    first = watch(name)
    first.until_consumed(30)
    first.stop()
    make_anew(admin, topic, name)
    send(servers, name, good(100))
    again = watch(name)
    again.until(lambda: again.next_offset(0) == 100)
    assert again.consumed() == 100
    assert again.sample("partitions_resumed_total", case="made_anew") == 1


def test_a_topic_made_anew_and_overfilled_while_we_stand_still_is_read_from_its_first_record(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    watcher = watch(name)
    send(servers, name, good(30))
    watcher.until_consumed(30)
    watcher.daemon.parts.dead_letter_limit.reason = "closed by the test"
    watcher.until(lambda: watcher.source._paused)
    make_anew(admin, topic, name)
    send(servers, name, good(100))
    watcher.daemon.parts.dead_letter_limit.reason = ""
    watcher.until(lambda: watcher.sample("partitions_resumed_total", case="made_anew") == 1)
    watcher.until(lambda: watcher.next_offset(0) == 100)
    watcher.until_consumed(100)


def test_of_two_with_one_instance_name_the_fenced_one_stops_and_says_so(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    name, servers = topic(partitions=2), broker.bootstrap_servers
    named = {"subscription": {"instance": "twin"}}
    first = watch(name, "one", **named)
    for partition in (0, 1):
        send(servers, name, good(20), partition)
    first.until_consumed(40)
    with capture_logs() as logs:
        second = watch(name, "two", **named)
        first.until(lambda: first.source.fenced, 60)
        for partition in (0, 1):
            send(servers, name, good(20), partition)
        # What the first one had not committed is the other one's, and taken back here.
        second.until(lambda: first.consumed() + second.consumed() == 80)
        first.until(lambda: not first.daemon.parts.board.published["ready"])
    assert "kafka.instance" in first.daemon.parts.board.published["hindrance"]
    assert any("kafka.instance" in line["event"] for line in logs)
    assert first.sample("not_ready", reason="fenced") == 1
    time.sleep(3)
    assert first.consumed() + second.consumed() == 80
    assert not second.source.fenced  # they do not throw each other out in turn
    assert second.daemon.parts.board.published["ready"]


def test_a_partition_that_is_added_later_is_read_from_its_first_record_with_start_latest(
    broker: Broker, topic: TopicFactory, watch: Watch, admin: KafkaAdminClient
) -> None:
    name, servers = topic(), broker.bootstrap_servers
    send(servers, name, good(10))
    latest = Policy(start="latest")
    first = watch(name, "one", policy=latest)
    first.until(lambda: 0 in first.totals)
    assert first.totals[0].next_offset == 10
    send(servers, name, good(5))
    first.until_consumed(5)
    first.stop()
    admin.create_partitions({name: NewPartitions(total_count=2)})
    send(servers, name, good(7), 1)
    # Another member, which knows nothing: the group has offsets, and none for this partition.
    second = watch(name, "two", policy=latest)
    second.until(lambda: 1 in second.totals and second.totals[1].scored == 7)


def test_partitions_without_a_leader_wait_and_the_others_are_read(
    tmp_path: Path, client: str
) -> None:
    from tests.kafka.cluster import Cluster

    with Cluster(tmp_path) as cluster:
        servers = cluster.bootstrap_servers
        name = cluster.create_topic("single", partitions=6, replication_factor=1)
        leaders = [cluster.leader(name, number) for number in range(6)]
        away = leaders[0]
        here = [number for number, leader in enumerate(leaders) if leader != away]
        assert here
        for number in range(6):
            send(servers, name, good(10), number)
        cluster.kill(away)
        wait_until(lambda: cluster.leader(name, 0) < 0, 30, lambda: "it still has a leader")
        watcher = Watcher(servers, name, tmp_path / "state", client=client)
        try:
            watcher.until_consumed(10 * len(here))
            board = watcher.daemon.parts.board
            watcher.until(lambda: "no leader" in board.published["hindrance"], 30)
            assert watcher.sample("not_ready", reason="unreadable") == 1
            cluster.restart(away)
            watcher.until_consumed(60)
            watcher.until(lambda: bool(board.published["ready"]), 60)
        finally:
            watcher.stop()


def test_a_change_of_isolation_with_an_open_transaction_is_no_new_topic(
    broker: Broker, topic: TopicFactory, watch: Watch
) -> None:
    from kafka import KafkaProducer

    name, servers = topic(), broker.bootstrap_servers
    send(servers, name, good(10))
    producer = KafkaProducer(bootstrap_servers=servers.split(","), transactional_id=name)
    producer.init_transactions()
    producer.begin_transaction()
    for _ in range(5):
        producer.send(name, value=b"1.0", partition=0)
    producer.flush()
    first = watch(name, subscription={"read_committed": False})
    first.until_consumed(15)
    first.stop()
    again = watch(name)
    again.until(lambda: 0 in again.totals)
    assert again.sample("partitions_resumed_total", case="made_anew") == 0
    assert again.totals[0].next_offset == 15
    producer.commit_transaction()
    producer.close()
    send(servers, name, good(5))
    again.until_consumed(20)
