"""Reads the dead-letter topic from a point in time to its end as of the start, and ends.

Without a consumer group: nothing is committed, and no daemon is disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from monitor.errors import UserError
from monitor.stream.kafka_options import Connection, described
from monitor.stream.kafka_private import forget_fetched
from monitor.stream.kafka_reader import connect_reader
from monitor.stream.records import Record
from monitor.stream.sources.translation import record_of

STALL_SECONDS = 20.0
"""Longest wait for a broker that sends nothing although there is more."""
POLL_SECONDS = 0.5
POLL_RECORDS = 500

Spans = dict[TopicPartition, range]
"""The offsets to read of each partition."""


class DeadLetterTopic:
    """The messages of a topic up to its end as of now. Raises UserError if there is no topic."""

    def __init__(self, consumer: KafkaConsumer, name: str, servers: str) -> None:
        self.name = name
        self._servers = servers
        self._consumer = consumer
        self._known: dict[str, frozenset[int]] = {}
        self._partitions = [TopicPartition(name, n) for n in sorted(self.partitions_of(name))]
        if not self._partitions:
            raise UserError(
                f"topic {name} does not exist on {servers}, or may not be read. The daemon creates"
                " it; check outputs.dead_letters and kafka.bootstrap_servers"
            )
        self._ends: dict[TopicPartition, int] = consumer.end_offsets(self._partitions)

    def partitions_of(self, topic: str) -> frozenset[int]:
        """The partitions of any topic; none if it does not exist. Asked once."""
        if topic not in self._known:
            self._known[topic] = frozenset(self._consumer.partitions_for_topic(topic) or ())
        return self._known[topic]

    def spans(self, since: int | None = None) -> Spans:
        """What is there, or from the first message at or after a time on (ms since the epoch)."""
        starts: dict[TopicPartition, int] = self._consumer.beginning_offsets(self._partitions)
        if since is not None:
            found = self._consumer.offsets_for_times(dict.fromkeys(self._partitions, since))
            starts = {p: f.offset if f else self._ends[p] for p, f in found.items()}
        return {p: range(starts[p], self._ends[p]) for p in self._partitions}

    def messages(self, spans: Spans) -> Iterator[Record]:
        """The messages of the spans, in order within each partition. Waits for no new ones."""
        left = {p: span for p, span in spans.items() if span}
        self._consumer.assign(list(left))
        # Those that a reading before us has paused stay so, even when assigned anew.
        self._consumer.resume(*left)
        for partition, span in left.items():
            forget_fetched(self._consumer, partition)
            self._consumer.seek(partition, span.start)
        patience = time.monotonic() + STALL_SECONDS
        while left:
            answer = self._consumer.poll(int(POLL_SECONDS * 1000), max_records=POLL_RECORDS)
            for partition, messages in answer.items():
                yield from (record_of(m) for m in messages if m.offset < spans[partition].stop)
            done = [p for p, span in left.items() if self._position(p) >= span.stop]
            self._consumer.pause(*done)
            left = {p: span for p, span in left.items() if p not in done}
            if answer or done:
                patience = time.monotonic() + STALL_SECONDS
            elif time.monotonic() > patience:
                raise UserError(self._stalled(next(iter(left))))

    def _position(self, partition: TopicPartition) -> int:
        """The next offset; it also moves past offsets without a message, which end some topics."""
        return int(self._consumer.position(partition, timeout_ms=1000) or 0)

    def _stalled(self, partition: TopicPartition) -> str:
        return (
            f"topic {self.name}: {self._servers} sends no more, at partition"
            f" {partition.partition}, offset {self._position(partition):,}. Check that its broker"
            " is well, and try again"
        )


@contextmanager
def opened(connection: Connection, name: str, fetch_max_bytes: int) -> Iterator[DeadLetterTopic]:
    """The topic, while it is read; what Kafka refuses is a UserError."""
    consumer = connect_reader(
        connection,
        # Retention may delete what comes next while we read: go on with what is left.
        auto_offset_reset="earliest",
        # A daemon with kafka.transactions leaves what it gave up in the topic.
        isolation_level="read_committed",
        fetch_max_bytes=fetch_max_bytes,
    )
    try:
        yield DeadLetterTopic(consumer, name, connection.servers)
    except KafkaError as error:
        raise UserError(f"topic {name}: {described(error)}") from None
    finally:
        consumer.close()
