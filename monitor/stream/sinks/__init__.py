"""Where outputs go. Every sink keeps the contract of `Sink`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from monitor.stream.events import Event
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition


class Sink(Protocol):
    """Takes events; they are safe only after `flush` has returned.

    dropped: called with the kind of an event that was dropped, as the user wants it.
    """

    dropped: Callable[[str], None]

    def publish(self, events: Iterable[Event]) -> None:
        """Take events over, in order. Raises SinkError if they cannot be sent now: they are
        taken over all the same, unless it is not retryable.
        """

    def flush(self) -> None:
        """Return when everything published is safe. Raises SinkError(retryable=True) if it
        is not yet: flush again, only what has not arrived is sent again. SinkSlowError: it is on
        its way, and nothing is wrong.
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
