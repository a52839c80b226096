"""Fixtures of the tests on a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from tests.kafka.broker import Broker
    from tests.kafka.watchers import Watch, Watcher


CLIENTS = ("kafka-python", "confluent")
"""The values of `kafka.client`."""


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Both clients, one after the other, for what must hold whichever it is."""
    return str(request.param)


@pytest.fixture
def watch(broker: Broker, client: str, tmp_path: Path) -> Iterator[Watch]:
    """Starts watchers, each name with a state folder of its own."""
    from tests.kafka.watchers import Watcher

    started: list[Watcher] = []

    def begin(topic: str, name: str = "one", servers: str = "", **changes: object) -> Watcher:
        servers = servers or broker.bootstrap_servers
        changes = {"client": client, **changes}
        started.append(Watcher(servers, topic, tmp_path / name, **changes))
        return started[-1]

    yield begin
    for watcher in started:
        watcher.stop()


@pytest.fixture
def admin(broker: Broker) -> Iterator[KafkaAdminClient]:
    """An admin client of the broker."""
    from kafka import KafkaAdminClient

    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    yield client
    client.close()
