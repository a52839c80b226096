"""Where outputs go. Every sink keeps the contract of `Sink`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from monitor.stream.events import Event
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition


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


class TransactionalSink(Sink, Protocol):
    """Its events are seen once `commit` has returned, all of them or none."""

    def commit(self, offsets: Mapping[Partition, Committed], membership: Any) -> None:
        """End the transaction, with offsets in it. Raises SinkError if it may have failed.

        membership: what the source says of its place in the group.
        """

    def recover(self) -> None:
        """End the open transaction, and one that a former process left. Raises SinkError."""
