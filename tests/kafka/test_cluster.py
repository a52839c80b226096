"""A cluster of three brokers goes on without any one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer

from tests.kafka.cluster import NODES, Cluster
from tests.kafka.process import wait_until
from tests.share import share

pytestmark = pytest.mark.kafka

PARTITIONS = 3
RECORDS = 90
DELIVERY_SECONDS = 30.0
EVERYWHERE = [{0, 1, 2}] * PARTITIONS


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def topic(cluster: Cluster) -> str:
    return cluster.create_topic("watched", PARTITIONS)


@pytest.fixture(scope="module")
def producer(cluster: Cluster) -> Iterator[KafkaProducer]:
    made = KafkaProducer(bootstrap_servers=cluster.bootstrap_servers, acks="all")
    yield made
    made.close(5)


@pytest.fixture(scope="module")
def consumer(cluster: Cluster, topic: str) -> Iterator[KafkaConsumer]:
    made = KafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap_servers,
        group_id="watching",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    yield made
    made.close(autocommit=False)


def send(producer: KafkaProducer, topic: str, values: set[bytes]) -> None:
    """Deal values out to the partitions; returns when all are acknowledged."""
    futures = [
        producer.send(topic, value, partition=i % PARTITIONS) for i, value in enumerate(values)
    ]
    for future in futures:
        future.get(DELIVERY_SECONDS)


def wait_for(consumer: KafkaConsumer, values: set[bytes]) -> None:
    """Read until all the values have come; some may come twice."""
    missing = set(values)

    def complete() -> bool:
        for messages in consumer.poll(200).values():
            missing.difference_update(message.value for message in messages)
        return not missing

    wait_until(complete, DELIVERY_SECONDS, lambda: f"{len(missing)} of {len(values)} did not come")


def test_each_partition_has_another_leader_and_is_everywhere(cluster: Cluster, topic: str) -> None:
    assert {cluster.leader(topic, partition) for partition in range(PARTITIONS)} == {0, 1, 2}
    assert cluster.in_sync(topic) == EVERYWHERE


@pytest.mark.parametrize("number", share("killed brokers", range(NODES), 1))
def test_any_broker_can_be_killed_and_comes_back(
    cluster: Cluster, topic: str, producer: KafkaProducer, consumer: KafkaConsumer, number: int
) -> None:
    before, without = (
        {b"%s of %d: %d" % (when, number, i) for i in range(RECORDS)}
        for when in (b"before", b"without")
    )
    send(producer, topic, before)
    wait_for(consumer, before)
    cluster.kill(number)
    send(producer, topic, without)
    wait_for(consumer, without)
    assert cluster.in_sync(topic) == [{0, 1, 2} - {number}] * PARTITIONS
    cluster.restart(number)
    assert cluster.in_sync(topic) == EVERYWHERE
