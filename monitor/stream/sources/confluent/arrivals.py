"""What one call of librdkafka's `consume` brought: records as columns, and what is no record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final

import numpy as np
from confluent_kafka import KafkaError, Message

from monitor.stream.columns import Columns
from monitor.stream.records import Gap, Partition

_SECOND: Final = itemgetter(1)
_NO_TEXT: Final = (UnicodeDecodeError, SystemError)
"""What a header's name that is no text raises: confluent-kafka (2.16.1) returns a list beside the
exception, of which Python complains when it looks. The list has holes: reading it is a crash."""

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
        self._numbers: list[int] = []
        self._offsets: list[int] = []
        self._timestamps: list[int] = []
        self._values: list[bytes | None] = []
        self._keys: list[bytes | None] = []
        self._headers: list[Any] = []
        self._gaps: dict[int, Gap] = {}
        self.reached: dict[Partition, int] = {}
        self.gone: dict[Partition, str] = {}
        self.damaged: dict[Partition, str] = {}
        self.others: list[KafkaError] = []

    def add(self, messages: Sequence[Message]) -> None:
        """Take in what one call of `consume` brought."""
        errors = list(map(Message.error, messages))
        if not any(errors):  # a KafkaError is true; comparing one with None fails (2.16.1)
            self._take(messages)
            return
        sound = []
        for message, error in zip(messages, errors, strict=True):
            if error is not None:
                self._sort(error, message)
            elif Partition(self._topic, message.partition()) not in self.damaged:
                sound.append(message)
        self._take(sound)

    def _take(self, messages: Sequence[Message]) -> None:
        """Take in records. A name of a header that is no text makes its record a gap."""
        waiting = iter(messages)
        while len(self._headers) < len(self._values) + len(messages):
            try:
                self._headers += map(Message.headers, waiting)
            except _NO_TEXT as error:
                # Never ask such a message again: its headers are a broken list by now.
                position = len(self._headers)
                offset = messages[position - len(self._values)].offset()
                text = f"a header's name is no text: {error.__cause__ or error}"
                self._gaps[position] = Gap(offset + 1, "unreadable", text)
                self._headers.append(None)
        self._numbers += map(Message.partition, messages)
        self._offsets += map(Message.offset, messages)
        self._timestamps += map(_SECOND, map(Message.timestamp, messages))
        self._values += map(Message.value, messages)
        self._keys += map(Message.key, messages)
        for position in self._gaps:
            self._values[position] = self._keys[position] = None
            self._timestamps[position] = -1

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
        if not self._numbers:
            return Columns.none()
        numbers = np.array(self._numbers, dtype=np.int64)
        known = np.bincount(numbers).nonzero()[0]
        index = np.zeros(int(known[-1]) + 1, dtype=np.int64)
        index[known] = np.arange(known.size)
        partitions = tuple(Partition(self._topic, number) for number in known.tolist())
        whole = Columns.consecutive(
            partitions[0],
            self._offsets,
            self._timestamps,
            self._values,
            self._keys,
            self._headers,
        )
        records = replace(whole, partitions=partitions, partition=index[numbers], gaps=self._gaps)
        if set(partitions) <= set(wanted):
            return records
        return records.where(records.of_partitions(wanted))
