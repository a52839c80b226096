"""The topics of our outputs, and how those that are missing are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from kafka import KafkaAdminClient
from kafka.errors import (
    IncompatibleBrokerVersion,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from monitor.stream.kafka_options import Connection, connect, described

log = structlog.get_logger(__name__)

SETTINGS: Final[Mapping[str, str]] = {
    "anomaly": "outputs.anomalies",
    "dead_letter": "outputs.dead_letters",
    "alert": "outputs.alerts",
}
"""What names the topic of each kind of event."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic of each kind of event; whether to create those that are missing.

    drop_refused: whether a message is dropped that its topic takes in no form; if not, it waits.
    """

    names: Mapping[str, str]
    create: bool = True
    max_message_bytes: int = 32 * 2**20
    drop_refused: bool = False


def create_topics(connection: Connection, topics: Topics) -> dict[str, str]:
    """Create the topics that do not exist. Raises KafkaError while there is no broker.

    Returns why a topic is not there and cannot be made, for each for which that is so.
    """
    admin = connect(KafkaAdminClient, **connection.options())
    try:
        missing = sorted(set(topics.names.values()) - set(admin.list_topics()))
        if not topics.create:
            said = "it does not exist, and outputs.create_topics is false"
            return dict.fromkeys(missing, said)
        reasons = {name: _create(admin, name, topics.max_message_bytes) for name in missing}
    finally:
        admin.close()
    return {name: reason for name, reason in reasons.items() if reason}


def _create(admin: KafkaAdminClient, name: str, max_message_bytes: int) -> str:
    """Create a topic that takes messages as large as ours; returns why that is not possible."""
    options = {
        "num_partitions": 1,
        "replication_factor": -1,
        "configs": {"max.message.bytes": str(max_message_bytes)},
    }
    try:
        (told,) = admin.create_topics({name: options}, raise_errors=False)["topics"]
    except IncompatibleBrokerVersion as incompatible:
        # Brokers before 2.4 have no default of their own for the copies of a topic.
        told = {"error_code": incompatible.errno, "error_message": described(incompatible)}
    error = for_code(told["error_code"])
    if error is NoError:
        log.info("created output topic", topic=name)
    elif error is TopicAlreadyExistsError:
        log.debug("output topic exists", topic=name)
    else:
        # Publishing decides: the broker may create topics itself, or refuse with a clear error.
        reason = told.get("error_message") or error.__name__
        log.warning("cannot create output topic", topic=name, error=reason)
        return f"it does not exist, and cannot be created: {reason}"
    return ""
