"""The demo's topics on a real broker: made before, taken away after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from monitor.errors import UserError
from monitor.stream.kafka_options import Connection, connect

PARTITIONS = 4
OUTPUTS = ("anomalies", "alerts", "dead-letters")


@contextmanager
def temporary_topics(connection: Connection, topic: str) -> Iterator[None]:
    """The topic exists inside, and it and the daemon's output topics are gone afterwards.

    Raises UserError if the broker cannot be reached or refuses.
    """
    try:
        admin = connect(KafkaAdminClient, **connection.options())
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": -1}})
    except (KafkaError, OSError, ValueError) as error:
        raise UserError(
            f"cannot make the topic {topic} on Kafka at {connection.servers}:"
            f" {type(error).__name__}: {error}. Check --bootstrap-servers and what you may do."
        ) from None
    try:
        yield
    finally:
        made = {topic, *(f"{topic}.{output}" for output in OUTPUTS)}
        admin.delete_topics(sorted(made & set(admin.list_topics())))
        admin.close()
