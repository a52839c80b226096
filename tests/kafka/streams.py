"""A Kafka topic for the tests of sources, and the members of one group that read it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer

from monitor.daemon.assembly.kafka import make_source
from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Assigned
from monitor.stream.records import Partition, Record
from monitor.stream.sources import Source
from monitor.stream.sources.subscription import Subscription
from tests.kafka.process import wait_until
from tests.monitor.stream.source_contract import poll

SETTLE_SECONDS = 45.0


class KafkaStream:
    """A topic that need not exist yet, and sources that read it.

    api_version: only for servers that cannot tell their own.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        partitions: int = 2,
        api_version: tuple[int, int] | None = None,
        client: str = "kafka-python",
    ) -> None:
        self.servers = servers
        self.topic = topic
        self.partitions = partitions
        self._api_version = api_version
        self._client = client
        self.zero, self.one = Partition(topic, 0), Partition(topic, 1)
        self._sources: list[Source] = []

    def append(self, records: Iterable[Record]) -> None:
        """Write records; their offsets must be the next ones."""
        producer = KafkaProducer(
            bootstrap_servers=self.servers,
            acks="all",
            linger_ms=5,
            api_version=self._api_version,
            enable_idempotence=self._api_version is None,
        )
        sent = [(item, _send(producer, item)) for item in records]
        producer.flush(timeout=30)
        for item, future in sent:
            assert future.get(timeout=1).offset == item.offset
        producer.close()

    def join(
        self,
        max_poll_interval_seconds: float = 300,
        eager: bool = False,
        protocol: str = "classic",
        instance: str | None = None,
    ) -> Source:
        """One more source of the same group."""
        subscription = Subscription(
            topic=self.topic,
            group=f"{self.topic}-readers",
            eager=eager,
            instance=instance,
            protocol=protocol,
            session_timeout_seconds=6,
            max_poll_interval_seconds=max_poll_interval_seconds,
        )
        self._sources.append(
            make_source(
                self._client, Connection(self.servers, api_version=self._api_version), subscription
            )
        )
        return self._sources[-1]

    def open(self) -> Source:
        """The only source of the group, after all others have left."""
        self.close()
        return self.join()

    def close(self) -> None:
        """Close all sources."""
        while self._sources:
            self._sources.pop().close()


def _send(producer: KafkaProducer, item: Record) -> Any:
    return producer.send(
        item.topic,
        key=item.key,
        value=item.value,
        headers=list(item.headers),
        partition=item.partition,
        timestamp_ms=item.timestamp,
    )


class Member:
    """Polls a source all the time on a thread of its own, as a daemon does.

    Members must poll at the same time: a rebalance is over when all of them have joined again.
    """

    def __init__(self, source: Source, poll_seconds: float = 0.5) -> None:
        self.source = source
        self._poll_seconds = poll_seconds
        self.records: list[Record] = []
        self.lost: list[Partition] = []
        self.assigned: dict[Partition, Assigned] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            polled = poll(self.source, self._poll_seconds)
            self.lost.extend(polled.lost)
            self.assigned.update(polled.assigned)
            self.records.extend(polled.records)

    def offsets(self, partition: Partition) -> list[int]:
        """The offsets that came of a partition, in that order."""
        return [item.offset for item in self.records if item.source == partition]

    def pause(self) -> Source:
        """Stop polling; the source is the caller's now."""
        self._stopping.set()
        self._thread.join()
        return self.source

    def leave(self) -> None:
        """Stop polling and leave the group."""
        self.pause().close()


def settle(*members: Member, partitions: int) -> None:
    """Wait until each member has so many partitions."""
    wait_until(
        lambda: all(len(member.source.assigned) == partitions for member in members),
        SETTLE_SECONDS,
        lambda: f"assigned: {[sorted(m.source.assigned) for m in members]}",
    )


def until_read(member: Member, partition: Partition, offset: int) -> None:
    """Wait until a member has been given a record."""
    wait_until(
        lambda: offset in member.offsets(partition),
        SETTLE_SECONDS,
        lambda: f"{partition}/{offset} did not come, only {member.offsets(partition)}",
    )
