"""A cluster of three real Kafka brokers, of which any one can be killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import RetriableError

from tests.kafka.broker import Broker, Place, new_cluster_id
from tests.kafka.process import free_ports, wait_until
from tests.kafka.relay import Relay

NODES = 3
MIN_IN_SYNC = 2
HEAP = "256m"
READY_SECONDS = 60.0

T = TypeVar("T")

REPLICATED = {
    "default.replication.factor": str(NODES),
    "min.insync.replicas": str(MIN_IN_SYNC),
    "offsets.topic.replication.factor": str(NODES),
    "transaction.state.log.replication.factor": str(NODES),
    "transaction.state.log.min.isr": str(MIN_IN_SYNC),
    "share.coordinator.state.topic.replication.factor": str(NODES),
    "share.coordinator.state.topic.min.isr": str(MIN_IN_SYNC),
    # Whoever leads the controllers may be the one that is killed: the others soon choose anew.
    "controller.quorum.fetch.timeout.ms": "1500",
    "controller.quorum.election.timeout.ms": "1000",
    # Room for three on a small machine.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.enable": "false",
}


class Cluster:
    """Three brokers, each a controller too; numbered 0, 1 and 2 here.

    A killed broker is missed after 3 s, and a little later where it led the controllers. With two
    alive, topics of three replicas still take writes with acks=all.
    """

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * NODES)
        cluster_id, voters = new_cluster_id(), dict(enumerate(ports[NODES:], start=1))
        self._brokers = []
        for node, port in enumerate(ports[:NODES], start=1):
            (folder / str(node)).mkdir()
            place = Place(cluster_id, node, port, voters)
            self._brokers.append(
                Broker(folder / str(node), settings=REPLICATED, place=place, heap=HEAP)
            )
        self._relays = [Relay(broker.port) for broker in self._brokers]

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def bootstrap_servers(self) -> str:
        """HOST:PORT of all three, with commas between."""
        return ",".join(broker.bootstrap_servers for broker in self._brokers)

    @property
    def stable_servers(self) -> str:
        """The same, by addresses that stay when the brokers move."""
        return ",".join(relay.address for relay in self._relays)

    def start(self) -> None:
        """Start all; returns when each serves clients. Whatever fails, none is left running."""
        try:
            with ThreadPoolExecutor(NODES) as threads:
                list(threads.map(Broker.launch, self._brokers))
            for broker in self._brokers:
                broker.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all at once: the last ones of a quorum could not shut down in good order."""
        for broker in self._brokers:
            broker.kill()

    def close(self) -> None:
        """End all, and give up the stable addresses."""
        self.stop()
        for relay in self._relays:
            relay.close()

    def move(self) -> None:
        """Crash all brokers, and start them with their data on other ports."""
        self.stop()
        for broker, relay in zip(self._brokers, self._relays, strict=True):
            broker.move()
            relay.target = broker.port
        self.start()
        self._wait_in_sync(self._ask(lambda admin: sorted(admin.list_topics())))

    def delete_topics(self, *names: str) -> None:
        """Delete topics that there are, and wait until they are gone."""

        def there() -> list[str]:
            return sorted(self._ask(lambda admin: set(admin.list_topics())) & set(names))

        if gone := there():
            self._ask(lambda admin: admin.delete_topics(gone))
        wait_until(lambda: not there(), READY_SECONDS, lambda: f"still there: {there()}")

    def throttle(self, client_id: str, bytes_per_second: int | None) -> None:
        """Let what a client sends through only so fast, to each broker; None lifts it."""
        running = next(broker for broker in self._brokers if broker.running)
        running.set_quota(client_id, bytes_per_second)

    def kill(self, number: int) -> None:
        """Crash one broker."""
        self._brokers[number].kill()

    def restart(self, *numbers: int) -> None:
        """Start brokers again with their data; returns when they serve and have all there is."""
        for number in numbers:
            self._brokers[number].launch()
        for number in numbers:
            self._brokers[number].wait_until_ready()
        self._wait_in_sync(self._ask(lambda admin: sorted(admin.list_topics())))

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        replication_factor: int = NODES,
        configs: Mapping[str, str] | None = None,
    ) -> str:
        """Create a topic and return its name once all its replicas are in sync."""
        settings = {
            "num_partitions": partitions,
            "replication_factor": replication_factor,
            "configs": dict(configs or {}),
        }
        self._ask(lambda admin: admin.create_topics({name: settings}))
        self._wait_in_sync([name])
        return name

    def in_sync(self, topic: str) -> list[set[int]]:
        """Numbers of the brokers that have all of a partition, for each partition of a topic."""
        return [{node - 1 for node in p["isr_nodes"]} for p in self._partitions([topic])]

    def leader(self, topic: str, partition: int = 0) -> int:
        """Number of the broker that leads a partition; negative while there is none."""
        return int(self._partitions([topic])[partition]["leader_id"]) - 1

    def _wait_in_sync(self, topics: Sequence[str]) -> None:
        """Wait until every partition has a leader and all its replicas are in sync."""

        def ready() -> bool:
            partitions = self._partitions(topics)
            return bool(partitions or not topics) and all(map(_is_whole, partitions))

        wait_until(
            ready,
            READY_SECONDS,
            lambda: f"not in sync after {READY_SECONDS:g} s: {self._partitions(topics)}",
        )

    def _partitions(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        """What the brokers say of the partitions, in order."""
        if not topics:
            return []
        described = self._ask(lambda admin: admin.describe_topics(list(topics)))
        return [
            partition
            for topic in described
            for partition in sorted(topic["partitions"], key=lambda p: p["partition_index"])
        ]

    def _ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        """The answer of a broker that runs: a client may first try one that has been killed."""
        servers = [broker.bootstrap_servers for broker in self._brokers if broker.running]
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
                    return question(admin)
            except RetriableError:
                if time.monotonic() > deadline:
                    raise


def _is_whole(partition: Mapping[str, Any]) -> bool:
    replicas = set(partition["replica_nodes"])
    return partition["leader_id"] >= 0 and set(partition["isr_nodes"]) == replicas
