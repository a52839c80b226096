"""Connection settings in the words of kafka-python, shared by consumer, producer and admin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitor.version import __version__


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
