"""Between our types and those of kafka-python."""

from __future__ import annotations

from typing import Any

from kafka import OffsetAndMetadata, TopicPartition

from monitor.stream.offsets import Committed
from monitor.stream.records import Partition, Record


def key_of(partition: Partition) -> TopicPartition:
    """Our name of a partition as Kafka's."""
    return TopicPartition(partition.topic, partition.number)


def stored(committed: Committed) -> OffsetAndMetadata:
    """An offset with its note, as kafka-python takes it."""
    return OffsetAndMetadata(committed.offset, committed.note, -1)


def record_of(message: Any) -> Record:
    """A message as a record."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers),
    )
