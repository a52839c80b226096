"""Reads stretches of a topic by their offsets, and ends.

Without a consumer group: nothing is committed, and no daemon is disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from monitor.errors import UserError
from monitor.stream.columns import Columns
from monitor.stream.kafka_options import Connection, described
from monitor.stream.kafka_reader import connect_reader
from monitor.stream.records import Gap, Partition, Record
from monitor.stream.sources.translation import columns_of, key_of
from monitor.stream.sources.unreadable import Unreadable, unreadable

STALL_SECONDS: Final = 20.0
"""Longest wait for a broker that sends nothing although there is more."""
POLL_SECONDS: Final = 0.5
POLL_RECORDS: Final = 500


class OffsetReader:
    """Reads partitions of any topic by offset. servers: for messages to the user."""

    def __init__(self, consumer: KafkaConsumer, servers: str) -> None:
        self._consumer = consumer
        self._servers = servers

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset and end of what can be read now; raises UserError if one is not there.

        Reading committed records only, the end is where the first open transaction begins.
        """
        wanted = sorted(partitions)
        for partition in wanted:
            known = self._consumer.partitions_for_topic(partition.topic) or ()
            if partition.number not in known:
                raise UserError(
                    f"{partition} does not exist on {self._servers}, or may not be read."
                    " Check kafka.bootstrap_servers, and that the request is for this Kafka"
                )
        keys = [key_of(partition) for partition in wanted]
        first = self._consumer.beginning_offsets(keys)
        end = self._consumer.end_offsets(keys)
        return {p: (int(first[key_of(p)]), int(end[key_of(p)])) for p in wanted}

    def partitions_of(self, topic: str) -> list[Partition]:
        """All partitions of a topic, in order; raises UserError if there is no such topic."""
        known = self._consumer.partitions_for_topic(topic) or ()
        if not known:
            raise UserError(
                f"topic {topic} does not exist on {self._servers}, or may not be read. Check its"
                " name and kafka.bootstrap_servers"
            )
        return [Partition(topic, number) for number in sorted(known)]

    def since(self, partitions: Iterable[Partition], timestamp: int) -> dict[Partition, int | None]:
        """The first offset of each whose record has this timestamp or a later one; None if none.

        timestamp: milliseconds since the epoch.
        """
        wanted = list(partitions)
        found = self._consumer.offsets_for_times({key_of(p): timestamp for p in wanted})
        places = {p: found.get(key_of(p)) for p in wanted}
        return {p: None if place is None else int(place.offset) for p, place in places.items()}

    def records(self, partition: Partition, run: range) -> Iterator[Record]:
        """The records of consecutive offsets below the partition's end, in order.

        Offsets that cannot be read come as one record with a gap. Raises UserError if the broker
        sends nothing for 20 seconds.
        """
        for part in self.columns(partition, run):
            yield from part

    def columns(self, partition: Partition, run: range) -> Iterator[Columns]:
        """The same as columns, as they come: each holds some, one or more."""
        key = key_of(partition)
        if self._consumer.assignment() != {key}:
            self._consumer.assign([key])
        self._consumer.seek(key, run.start)
        reached, patience = run.start, time.monotonic() + STALL_SECONDS
        while reached < run.stop:
            found = self._poll(key, range(reached, run.stop))
            found = found.where(found.offsets < run.stop)
            if len(found):
                yield found
            # It also moves past offsets without a message: markers, and what compaction took.
            position = self._position(key)
            if position > reached:
                reached, patience = position, time.monotonic() + STALL_SECONDS
            elif time.monotonic() > patience:
                raise UserError(
                    f"{key.topic}/{key.partition}: {self._servers} sends no more, at offset"
                    f" {reached:,}. Check that its broker is well, and try again"
                )

    def _poll(self, key: TopicPartition, left: range) -> Columns:
        most = min(POLL_RECORDS, len(left))
        try:
            answer = self._consumer.poll(int(POLL_SECONDS * 1000), max_records=most)
        except OffsetOutOfRangeError:
            return self._expired(key, left)
        except Exception as error:
            found = unreadable(error, self._consumer)
            if found is None:
                raise
            return self._step_over(key, left, found)
        return columns_of(answer)

    def _expired(self, key: TopicPartition, left: range) -> Columns:
        """Retention was faster than us: go on with what is left."""
        first = int(self._consumer.beginning_offsets([key])[key])
        self._consumer.seek(key, first)
        if first <= left.start:
            return Columns.none()
        return _gap(key, left, Gap(first, "expired", "deleted before it was read"))

    def _step_over(self, key: TopicPartition, left: range, found: Unreadable) -> Columns:
        # Without a seek, the next poll would never return (kafka-python 3.0.12).
        self._consumer.seek(key, found.next_offset)
        return _gap(key, left, Gap(found.next_offset, "unreadable", found.error))

    def _position(self, key: TopicPartition) -> int:
        return int(self._consumer.position(key, timeout_ms=1000) or 0)


def _gap(key: TopicPartition, left: range, gap: Gap) -> Columns:
    """A record that stands for the first offsets of those that are left, up to the gap's end."""
    ended = replace(gap, next_offset=min(gap.next_offset, left.stop))
    return Columns.of_gap(Partition(key.topic, key.partition), left.start, ended)


@contextmanager
def opened(connection: Connection, isolation: str, fetch_max_bytes: int) -> Iterator[OffsetReader]:
    """A reader, while it is used; what Kafka refuses is a UserError. isolation: kafka.isolation."""
    consumer = connect_reader(
        connection,
        auto_offset_reset="none",
        isolation_level=isolation,
        fetch_max_bytes=fetch_max_bytes,
    )
    try:
        yield OffsetReader(consumer, connection.servers)
    except KafkaError as error:
        raise UserError(f"{connection.servers}: {described(error)}") from None
    finally:
        consumer.close()
