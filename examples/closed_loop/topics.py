"""What lies in a topic, and topics that must exist."""

from __future__ import annotations

import json
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import TopicAlreadyExistsError


def create(servers: str, topic: str, partitions: int) -> None:
    """Make a topic that is not there."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})
    except TopicAlreadyExistsError:
        pass
    finally:
        admin.close()


def events(servers: str, topic: str) -> list[dict[str, Any]]:
    """All JSON values of a topic, as read to its end; none if there is no such topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", allow_auto_create_topics=False
    )
    try:
        numbers = consumer.partitions_for_topic(topic) or set()
        keys = [TopicPartition(topic, number) for number in sorted(numbers)]
        if not keys:
            return []
        consumer.assign(keys)
        ends = consumer.end_offsets(keys)
        found: list[dict[str, Any]] = []
        while any(consumer.position(key) < ends[key] for key in keys):
            for messages in consumer.poll(timeout_ms=500).values():
                found.extend(json.loads(message.value) for message in messages)
        return found
    finally:
        consumer.close()
