"""Who is no longer in the group changes nothing in it, with transactions too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient, MemberToRemove
from prometheus_client import CollectorRegistry

from monitor.daemon.assembly.kafka import make_transactional_sink
from monitor.daemon.publisher import TransactionalPublisher
from monitor.metrics import Metrics
from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Committed
from monitor.stream.sinks.topics import Topics
from tests.kafka.broker import Broker
from tests.kafka.streams import KafkaStream
from tests.kafka.topics import TopicFactory
from tests.monitor.stream.source_contract import collect, filled

NOTICE_SECONDS = 10.0
"""Several heartbeats: within one the library learns that the group does not know it."""


@pytest.fixture
def stream(broker: Broker, topic: TopicFactory, client: str) -> Iterator[KafkaStream]:
    stream = KafkaStream(broker.bootstrap_servers, topic(partitions=2), client=client)
    yield stream
    stream.close()


def test_who_is_no_longer_in_the_group_puts_no_offsets_into_a_transaction(
    stream: KafkaStream, client: str
) -> None:
    """The broker takes them from anybody without a generation, over those of the new owner."""
    filled(stream, 6, 0)
    source = stream.join()
    collect(source, 6)
    connection = Connection(stream.servers)
    sink = make_transactional_sink(client, connection, Topics({}), stream.topic)
    publisher = TransactionalPublisher(sink, Metrics(CollectorRegistry(), (0.5,)))
    assert publisher.commit({stream.zero: Committed(6, "all")}, source)
    remove_members(stream)
    deadline = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < deadline:
        assert not publisher.commit({stream.zero: Committed(3, "old")}, source)
        time.sleep(0.5)
    assert source.membership() is None
    assert source.committed([stream.zero])[stream.zero] == Committed(6, "all")
    publisher.close()


def remove_members(stream: KafkaStream) -> None:
    """Put all out of the group, as an administrator can."""
    admin, group = KafkaAdminClient(bootstrap_servers=stream.servers), f"{stream.topic}-readers"
    members = admin.describe_groups([group])[group]["members"]
    assert members
    admin.remove_group_members(group, [MemberToRemove(member["member_id"]) for member in members])
    admin.close()
