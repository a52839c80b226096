"""Connection settings in the words of kafka-python, shared by consumer, producer and admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from monitor.version import __version__

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach and log in to the brokers.

    servers: HOST:PORT separated by commas. security: kafka-python's ssl_* and sasl_* options;
    kept out of repr because they hold passwords. api_version: only for servers that cannot
    tell their own.
    """

    servers: str
    security: dict[str, Any] = field(default_factory=dict, repr=False)
    api_version: tuple[int, int] | None = None

    def options(self, bootstrap_seconds: float = 5.0) -> dict[str, Any]:
        """Options common to all clients. bootstrap_seconds: longest wait for a first answer."""
        return {
            "bootstrap_servers": [server.strip() for server in self.servers.split(",")],
            "client_id": f"aead-monitor-{__version__}",
            "api_version": self.api_version,
            "bootstrap_timeout_ms": int(bootstrap_seconds * 1000),
            "reconnect_backoff_ms": 100,
            "reconnect_backoff_max_ms": 5000,
            **self.security,
        }


def connect(client: Callable[..., T], **options: Any) -> T:
    """Make a kafka-python client, and free its thread and sockets if that fails.

    A constructor that cannot reach the broker leaves them behind (kafka-python 3.0.12): an
    outage of an hour would use up the process's file descriptors.
    """
    made: list[KafkaNetClient] = []

    def remember(**settings: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    try:
        return client(**options, kafka_client=remember)
    except (KafkaError, OSError, ValueError):
        for network in made:
            network.close()
        raise
