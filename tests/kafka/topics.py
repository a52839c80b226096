"""New topics for tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from tests.kafka.process import wait_until

READY_SECONDS = 15.0


def new_name(beginning: str = "test") -> str:
    """A name that no topic has."""
    return f"{beginning}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class TopicFactory:
    """Creates topics that no other test has."""

    servers: str

    def __call__(
        self, partitions: int = 1, configs: Mapping[str, str] | None = None, name: str = "test"
    ) -> str:
        """Create a topic and return its name, which begins with `name`, once it can be used."""
        return self.create(new_name(name), partitions, configs)

    def create(
        self, topic: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic of exactly this name and return it once it can be used."""
        settings = {
            "num_partitions": partitions,
            "replication_factor": 1,
            "configs": dict(configs or {}),
        }
        admin = KafkaAdminClient(bootstrap_servers=self.servers)
        try:
            admin.create_topics({topic: settings})
            wait_until(
                lambda: _has_leaders(admin, topic, partitions),
                READY_SECONDS,
                lambda: f"topic {topic} has no leaders after {READY_SECONDS:g} s",
            )
        finally:
            admin.close()
        return topic


def limit(servers: str, topic: str, size: int) -> None:
    """Let a topic that there is take messages of so many bytes at most."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    change = {"max.message.bytes": str(size)}
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, change)])
    finally:
        admin.close()


def give(servers: str, topic: str, partition: int, node: int) -> None:
    """Let one broker alone hold a partition; returns once it leads it."""
    admin = KafkaAdminClient(bootstrap_servers=servers)

    def leader() -> int:
        (told,) = admin.describe_topics([topic])
        found = {item["partition_index"]: item for item in told["partitions"]}[partition]
        return int(found["leader_id"])

    try:
        admin.alter_partition_reassignments({TopicPartition(topic, partition): [node]})
        wait_until(
            lambda: leader() == node, READY_SECONDS, lambda: f"{topic}/{partition}: {leader()}"
        )
    finally:
        admin.close()


def until_decided(servers: str, topic: str) -> None:
    """Until no transaction is open in a topic: then it shows all that was committed.

    A commit is answered before its markers are in the topics, and a reader of committed messages
    sees none of the transaction until they are.
    """
    readers = [
        KafkaConsumer(
            bootstrap_servers=servers.split(","),
            isolation_level=level,
            allow_auto_create_topics=False,
        )
        for level in ("read_committed", "read_uncommitted")
    ]
    numbers = sorted(readers[0].partitions_for_topic(topic) or ())
    places = [TopicPartition(topic, number) for number in numbers]

    def ends() -> list[dict[TopicPartition, int]]:
        return [reader.end_offsets(places) for reader in readers]

    def differ() -> str:
        return f"{topic}: a transaction is open; ends of committed and all: {ends()}"

    def decided() -> bool:
        committed, everything = ends()
        return committed == everything

    try:
        wait_until(decided, READY_SECONDS, differ)
    finally:
        for reader in readers:
            reader.close()


def _has_leaders(admin: KafkaAdminClient, topic: str, partitions: int) -> bool:
    """A created topic takes a moment to reach the part of the broker that serves clients."""
    (description,) = admin.describe_topics([topic])
    leaders = [partition["leader_id"] for partition in description["partitions"]]
    return len(leaders) == partitions and min(leaders) >= 0
