"""The topics of our outputs, and how those that are missing are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from monitor.stream.kafka_options import Connection, connect

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic of each kind of event; whether to create those that are missing."""

    names: Mapping[str, str]
    create: bool = True
    max_message_bytes: int = 32 * 2**20


def create_topics(connection: Connection, topics: Topics) -> None:
    """Create the topics that do not exist. Raises KafkaError while there is no broker."""
    admin = connect(KafkaAdminClient, **connection.options())
    try:
        existing = set(admin.list_topics())
        for name in sorted(set(topics.names.values()) - existing):
            _create(admin, name, topics.max_message_bytes)
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, name: str, max_message_bytes: int) -> None:
    """Create a topic that takes messages as large as ours; one that exists is left alone."""
    options = {
        "num_partitions": 1,
        "replication_factor": -1,
        "configs": {"max.message.bytes": str(max_message_bytes)},
    }
    try:
        admin.create_topics({name: options})
        log.info("created output topic", topic=name)
    except TopicAlreadyExistsError:
        log.debug("output topic exists", topic=name)
    except KafkaError as error:
        # Publishing decides: the broker may create topics itself, or refuse with a clear error.
        log.warning("cannot create output topic", topic=name, error=str(error))
