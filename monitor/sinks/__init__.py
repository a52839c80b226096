"""Where outputs go. Every sink keeps the contract of `Sink`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from monitor.events import Event


class Sink(Protocol):
    """Takes events; they are safe only after `flush` has returned."""

    def publish(self, events: Iterable[Event]) -> None:
        """Hand over events, in order. Raises SinkError if one can never be delivered."""

    def flush(self) -> None:
        """Return when everything published is safe. Raises SinkError(retryable=True) if it
        is not within the sink's time limit: publish and flush again, nothing is lost.
        """

    def close(self) -> None:
        """Give up what is not flushed and free the connection, within a bounded time."""
