"""The metrics of the web server: its protection, and whom it had to cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge

CUTS: Final = ("handshake", "head", "answer", "crowd", "name")
"""Why a connection was cut.

handshake: TLS was not agreed on, or not in time. head: the head of the request was not complete in
time. answer: the client did not take the answer in time. crowd: there were too many connections,
and this was the oldest without a complete request. name: its certificate has none of the names in
client_allowed_sans.
"""


class WebMetrics:
    """Counted on the web server's thread. gauge, counter: make one in the registry."""

    def __init__(self, gauge: Callable[..., Gauge], counter: Callable[..., Counter]) -> None:
        self.reload_successful = gauge(
            "web_config_last_reload_successful",
            "1 unless the newest web configuration file could not be used; then the settings"
            " before it are in force.",
        )
        self.reload_successful.set(1)
        self.connections_cut = counter(
            "http_connections_cut", "Connections to the web server that it cut off, by reason.",
            reason=CUTS,
        )  # fmt: skip
        self.logins_refused = counter(
            "http_logins_refused", "Requests to the web server without a valid user and password."
        )
