"""Reads again some records of a partition that another daemon has read before us."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import structlog

from monitor.errors import UserError
from monitor.pipeline.series_notes import REREAD
from monitor.process import background
from monitor.process.deadline import WORK, Deadline
from monitor.stream.offset_reader import OffsetReader
from monitor.stream.records import Partition, Record

log = structlog.get_logger(__name__)

SECONDS: Final = 20.0
"""Longest that the run loop waits for one partition."""
ALL_SECONDS: Final = 60.0
"""For all partitions of one rebalance: well below what the group allows between two polls."""
_SAME_SECONDS: Final = 5.0
"""Calls that follow each other so soon belong to one rebalance."""


class ReadBack:
    """opened: a reader of its own, beside the daemon's consumer. deadline: of the daemon."""

    def __init__(
        self, opened: Callable[[], AbstractContextManager[OffsetReader]], deadline: Deadline
    ) -> None:
        self._opened, self._deadline = opened, deadline
        self._spent, self._ended = 0.0, float("-inf")

    def __call__(self, partition: Partition, first: int, end: int) -> Sequence[Record] | None:
        """The records from `first` up to `end`; None if that takes too long or is not possible."""
        if end - first > 2 * REREAD:
            return None
        begun = time.monotonic()
        if begun - self._ended > _SAME_SECONDS:
            self._spent = 0.0
        try:
            left = min(SECONDS, ALL_SECONDS - self._spent)
            if left <= 0:
                raise TimeoutError("reading for the other partitions took too long")
            reading = background.start(lambda: self._read(partition, first, end), "read-back")
            return self._deadline.result(reading, left, WORK)
        except (UserError, OSError, TimeoutError) as error:
            log.warning(
                "the last steps of a partition's series cannot be read again: they begin anew",
                partition=str(partition),
                error=str(error) or type(error).__name__,
            )
            return None
        finally:
            self._ended = time.monotonic()
            self._spent += self._ended - begun

    def _read(self, partition: Partition, first: int, end: int) -> list[Record]:
        with self._opened() as reader:
            earliest, _ = reader.bounds([partition])[partition]
            run = range(max(first, earliest), end)
            return [r for r in reader.records(partition, run) if r.gap is None]
