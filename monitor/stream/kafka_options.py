"""Connection settings in the words of kafka-python, shared by consumer, producer and admin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from kafka.errors import KafkaError, KafkaTimeoutError, SaslAuthenticationFailedError

from monitor.process.deadline import Deadline
from monitor.stream import kafka_private
from monitor.stream.oauth import TokenError
from monitor.version import __version__

T = TypeVar("T")
CONNECT_SECONDS = 10.0
"""Longest wait of a command for a broker's first answer."""
MORE: Final = "more_options"
"""Under which `Connection.options` hands over what not every client knows."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach and log in to the brokers.

    servers: HOST:PORT separated by commas. security: kafka-python's ssl_* and sasl_* options;
    kept out of repr because they hold passwords. api_version: only for servers that cannot
    tell their own. client_id: our name there; None for the usual one. more: what the user wants
    beside, in the words of kafka-python, which each client takes as far as it knows them. native:
    the same in those of librdkafka. deadline: by when nobody waits for the brokers any more.
    """

    servers: str
    security: dict[str, Any] = field(default_factory=dict, repr=False)
    api_version: tuple[int, int] | None = None
    client_id: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)
    native: Mapping[str, Any] = field(default_factory=dict, repr=False)
    deadline: Deadline = field(default_factory=Deadline, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What brokers know us by."""
        return self.client_id or f"aead-monitor-{__version__}"

    def options(self, bootstrap_seconds: float = 5.0) -> dict[str, Any]:
        """Options common to all clients. bootstrap_seconds: longest wait for a first answer."""
        return {
            "bootstrap_servers": [server.strip() for server in self.servers.split(",")],
            "client_id": self.name,
            "api_version": self.api_version,
            "bootstrap_timeout_ms": int(bootstrap_seconds * 1000),
            "reconnect_backoff_ms": 100,
            "reconnect_backoff_max_ms": 5000,
            **self.security,
            **({MORE: self.more} if self.more else {}),
        }


def connect(client: Callable[..., T], **options: Any) -> T:
    """Make a kafka-python client, and free its thread and sockets if that fails.

    Of the connection's `more`, it gets what is known to it.

    What is raised is why its connections failed, if one failed in a telling way: the library only
    says that time is up. Raises LibraryError if it is not a kafka-python that we know.
    """
    kafka_private.check()
    known = getattr(client, "DEFAULT_CONFIG", {})
    options |= {n: value for n, value in options.pop(MORE, {}).items() if n in known}
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
        return "the broker refused the login; trying again. Check the section kafka.sasl"
    if isinstance(error, TokenError):
        return "there is no token to log in with; trying again. Check the section kafka.sasl"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the broker's certificate is not trusted; trying again. Check kafka.tls.ca_file"
    return UNREACHABLE


def described(error: BaseException | None) -> str:
    """An error of Kafka's in one line."""
    text = str(error).splitlines()[0] if str(error) else ""
    name = type(error).__name__
    return text if name in text else f"{name}: {text}"[:300]
