"""The Kafka source on the embedded broker, which the demo runs: the contract of all sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.demo.broker import API_VERSION, EmbeddedBroker
from tests.kafka.streams import KafkaStream
from tests.kafka.topics import new_name
from tests.monitor.stream.source_contract import SourceContract

PARTITIONS = 4
"""What the embedded broker gives to every topic."""


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    with EmbeddedBroker() as servers:
        yield servers


@pytest.fixture
def stream(servers: str) -> Iterator[KafkaStream]:
    stream = KafkaStream(servers, new_name(), PARTITIONS, API_VERSION)
    yield stream
    stream.close()


class TestEmbeddedBroker(SourceContract):
    """The contract."""
