"""Where the records of a backtest come from: a file, or a topic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from monitor.stream.batching import BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Partition


class Past(Protocol):
    """Records of the past, once.

    source: of them, for people. words: how it is known when they came. column: of a table, that
    says it, or None. rate: records a second, where that says it, or None. notes: what is to be
    known of them once they were read, for people, a line each.
    """

    source: str
    words: str
    column: str | None
    rate: float | None

    def batches(self, limits: BatchLimits) -> Iterator[Columns]:
        """All records, in the order in which they are judged, each with when it came."""

    def address(self, partition: Partition, offset: int) -> str:
        """Where to find a record, for people."""

    @property
    def notes(self) -> tuple[str, ...]:
        """See above."""

    @property
    def topic(self) -> dict[str, Any] | None:
        """What became of the offsets of a topic, as JSON values; None for a file."""
