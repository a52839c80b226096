"""A consumer that belongs to no group: it commits nothing and disturbs no daemon."""

from __future__ import annotations

from typing import Any, Final

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from monitor.errors import UserError
from monitor.stream.kafka_options import CONNECT_SECONDS, Connection, connect, described

REQUEST_SECONDS: Final = 20.0


def connect_reader(connection: Connection, **options: Any) -> KafkaConsumer:
    """The consumer, once a broker has answered. options: more of kafka-python's.

    Raises UserError if none answers.
    """
    try:
        return connect(
            KafkaConsumer,
            **connection.options(CONNECT_SECONDS),
            group_id=None,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            **options,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise UserError(
            f"kafka.bootstrap_servers {connection.servers}: cannot reach a broker"
            f" ({described(error)}). Check the address and the login, and that Kafka is running"
        ) from None
