"""Connection settings in the words of kafka-python, shared by consumer, producer and admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka.errors import KafkaError, KafkaTimeoutError, SaslAuthenticationFailedError

from monitor.stream import kafka_private
from monitor.version import __version__

T = TypeVar("T")
CONNECT_SECONDS = 10.0
"""Longest wait of a command for a broker's first answer."""


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

    What is raised is why its connections failed, if one failed in a telling way: the library only
    says that time is up. Raises LibraryError if it is not a kafka-python that we know.
    """
    kafka_private.check()
    made: list[Any] = []
    reasons: list[Exception] = []

    def remember(**settings: Any) -> Any:
        made.append(kafka_private.network_client(**settings))
        kafka_private.note_failures(made[-1], reasons)
        kafka_private.keep_last_words(made[-1])
        return made[-1]

    try:
        return client(**options, kafka_client=remember)
    except (KafkaError, OSError, ValueError) as error:
        for network in made:
            kafka_private.free_network(network)
        telling = [reason for reason in reasons if complaint(reason) != UNREACHABLE]
        if isinstance(error, KafkaTimeoutError) and telling:
            raise telling[-1] from error
        raise


UNREACHABLE = "kafka cannot be reached; trying again"


def complaint(error: Exception) -> str:
    """What to write into the log when no client could be made."""
    if isinstance(error, SaslAuthenticationFailedError):
        return (
            "the broker refused the login; trying again."
            " Check kafka.sasl.username and kafka.sasl.password_file"
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the broker's certificate is not trusted; trying again. Check kafka.tls.ca_file"
    return UNREACHABLE


def described(error: BaseException | None) -> str:
    """An error of Kafka's in one line."""
    text = str(error).splitlines()[0] if str(error) else ""
    name = type(error).__name__
    return text if name in text else f"{name}: {text}"[:300]
