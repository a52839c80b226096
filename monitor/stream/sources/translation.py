"""Between our types and those of kafka-python."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from monitor.stream.offsets import Committed
from monitor.stream.records import Partition, Record


def forget_fetched(consumer: KafkaConsumer, key: TopicPartition) -> None:
    """Drop what was fetched of a paused partition.

    kafka-python 3.0.12 may never give it out again, and then stalls the partition for good, when
    another one was fetched meanwhile.
    """
    consumer._fetcher._paused_partition_records.pop(key, None)
    consumer._fetcher._paused_completed_fetches.pop(key, None)


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
