"""CloudEvents by HTTP POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudevents.core.bindings.http import to_binary_event, to_structured_event

from monitor.receivers.calls import Endpoint, taken
from monitor.receivers.cloud_event import cloud_event
from monitor.receivers.secret import Secret


@dataclass(frozen=True, slots=True)
class HttpReceiver:
    """Posts each request as an event; any 2xx means that it was taken.

    binary: the event's attributes in `ce-` headers and the request as the body; else all of it
    in the body, as application/cloudevents+json. token: for `Authorization: Bearer`. headers:
    name -> file that holds the value.
    """

    endpoint: Endpoint
    binary: bool = False
    source: str | None = None
    token: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)

    def deliver(self, document: dict[str, Any]) -> str:
        """Post it. Raises ReceiverError if it was not taken."""
        event = cloud_event(document, self.source)
        message = to_binary_event(event) if self.binary else to_structured_event(event)
        extra = {name: secret.header() for name, secret in self.headers.items()}
        return taken(
            self.endpoint.post(message.body, {**message.headers, **extra, **bearer(self.token)})
        )

    def close(self) -> None:
        """Nothing is held between calls."""


def bearer(token: Secret | None) -> dict[str, str]:
    """The header that says who we are, if there is a token."""
    return {} if token is None else {"Authorization": f"Bearer {token.header()}"}
