"""Between our types and those of kafka-python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition

from monitor.stream.columns import Columns
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition, Record


def key_of(partition: Partition) -> TopicPartition:
    """Our name of a partition as Kafka's."""
    return TopicPartition(partition.topic, partition.number)


def stored(committed: Committed) -> OffsetAndMetadata:
    """An offset with its note, as kafka-python takes it."""
    return OffsetAndMetadata(committed.offset, committed.note, -1)


def columns_of(answer: Mapping[TopicPartition, Sequence[Any]]) -> Columns:
    """What a consumer's `poll` returned."""
    return Columns.joined(
        [
            Columns.consecutive(
                Partition(key.topic, key.partition),
                offsets=[message.offset for message in messages],
                timestamps=[message.timestamp for message in messages],
                values=[message.value for message in messages],
                keys=[message.key for message in messages],
                headers=[message.headers for message in messages],
            )
            for key, messages in answer.items()
        ]
    )


def record_of(message: Any) -> Record:
    """A message as a record."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
    )
