"""What one call of librdkafka's `consume` brought: records as columns, and what is no record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from confluent_kafka import KafkaError, Message

from monitor.stream.columns import Columns
from monitor.stream.records import Gap, Partition

GONE: Final = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._LOG_TRUNCATION,
        KafkaError.OFFSET_OUT_OF_RANGE,
    }
)
"""The next record of a partition is not there."""
DAMAGED: Final = frozenset(
    {
        KafkaError._BAD_MSG,
        KafkaError._BAD_COMPRESSION,
        KafkaError._NOT_IMPLEMENTED,
    }
)
"""The next records of a partition cannot be read."""


class Arrivals:
    """What one poll brought, taken in piece by piece.

    reached: partitions read to their end, up to which offset. gone: those whose next record is
    not there. damaged: those whose next records cannot be read; both with what librdkafka says.
    others: errors that are not about one partition's records.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._parts: list[Columns] = []
        self.reached: dict[Partition, int] = {}
        self.gone: dict[Partition, str] = {}
        self.damaged: dict[Partition, str] = {}
        self.others: list[KafkaError] = []

    def add(self, messages: Sequence[Message]) -> None:
        """Take in what one call of `consume` brought."""
        errors = list(map(Message.error, messages))
        if not any(errors):  # a KafkaError is true; comparing one with None fails (2.16.1)
            self._parts.append(columns_of(self._topic, messages))
            return
        sound = []
        for message, error in zip(messages, errors, strict=True):
            if error is not None:
                self._sort(error, message)
            elif Partition(self._topic, message.partition()) not in self.damaged:
                sound.append(message)
        self._parts.append(columns_of(self._topic, sound))

    def _sort(self, error: KafkaError, message: Message) -> None:
        """The first error of a partition counts: behind a damaged batch, librdkafka (2.16.0)
        reads nonsense and fails again.
        """
        code, partition = error.code(), Partition(self._topic, message.partition() or 0)
        if code == KafkaError._PARTITION_EOF:
            self.reached[partition] = message.offset()
        elif code in GONE | DAMAGED:
            if partition not in self.gone and partition not in self.damaged:
                (self.gone if code in GONE else self.damaged)[partition] = error.str()
        else:
            self.others.append(error)

    def records(self, wanted: Collection[Partition]) -> Columns:
        """The records of the partitions that are read; what came late of others is left out."""
        records = Columns.joined(self._parts)
        if set(records.partitions) <= set(wanted):
            return records
        return records.where(records.of_partitions(wanted))


def columns_of(topic: str, messages: Sequence[Message]) -> Columns:
    """The columns of messages that are records, in the order in which they came."""
    if not messages:
        return Columns.none()
    try:
        headers = list(map(Message.headers, messages))
    except UnicodeDecodeError:
        return _one_by_one(topic, messages)
    numbers = list(map(Message.partition, messages))
    known = sorted(set(numbers))
    whole = Columns.consecutive(
        Partition(topic, known[0]),
        list(map(Message.offset, messages)),
        [stamp for _, stamp in map(Message.timestamp, messages)],
        list(map(Message.value, messages)),
        list(map(Message.key, messages)),
        headers,
    )
    if len(known) == 1:
        return whole
    return replace(
        whole,
        partitions=tuple(Partition(topic, number) for number in known),
        partition=np.searchsorted(known, numbers),
    )


def _one_by_one(topic: str, messages: Iterable[Message]) -> Columns:
    """Some header's name is no text: its record becomes a gap, and the others stay."""
    parts = []
    for message in messages:
        try:
            message.headers()
        except UnicodeDecodeError as error:
            place, offset = Partition(topic, message.partition()), message.offset()
            gap = Gap(offset + 1, "unreadable", f"a header's name is no text: {error}")
            parts.append(Columns.of_gap(place, offset, gap))
        else:
            parts.append(columns_of(topic, [message]))
    return Columns.joined(parts)
