"""A sink that keeps its events in memory: for embedding the daemon, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from monitor.stream.events import Event


class MemorySink:
    """Keeps events; `flushed` holds those that are safe."""

    def __init__(self) -> None:
        self.flushed: list[Event] = []
        self._pending: list[Event] = []
        self.dropped: Callable[[str], None] = lambda kind: None

    def publish(self, events: Iterable[Event]) -> None:
        """Keep the events."""
        self._pending.extend(events)

    def flush(self) -> None:
        """Move what was published to `flushed`."""
        self.flushed.extend(self._pending)
        self._pending.clear()

    def close(self) -> None:
        """Forget what was not flushed."""
        self._pending.clear()
