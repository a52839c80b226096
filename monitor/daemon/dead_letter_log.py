"""A line in the log on what became a dead letter: at once, and then how many more, now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from monitor.process.text import printable_line
from monitor.stream.records import DeadLetter

log = structlog.get_logger(__name__)

QUIET_SECONDS: Final = 30.0
"""Shortest time between two lines on the same reason."""
_ERROR_WIDTH: Final = 200


@dataclass(slots=True)
class _Untold:
    """Dead letters of one reason that no line has told yet. first: of these."""

    count: int = 0
    first: DeadLetter | None = None
    last_line: float = float("-inf")


class DeadLetterLog:
    """Counts dead letters, and tells of each reason the first and how many since the last line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold: dict[str, _Untold] = {}

    def count(self, letters: Iterable[DeadLetter]) -> None:
        """Add some that are published."""
        for letter in letters:
            untold = self._untold.setdefault(letter.reason, _Untold())
            untold.first = untold.first or letter
            untold.count += 1
        self.tell()

    def tell(self, at_once: bool = False) -> None:
        """Write the lines that are due. at_once: all, since nothing comes any more."""
        now = self._clock()
        for untold in self._untold.values():
            letter = untold.first
            if letter is None or (now - untold.last_line < QUIET_SECONDS and not at_once):
                continue
            record = letter.record
            log.warning(
                "records became dead letters",
                reason=letter.reason,
                records=untold.count,
                topic=record.topic,
                partition=record.partition,
                first_offset=record.offset,
                error=printable_line(letter.error, _ERROR_WIDTH),
            )
            untold.count, untold.first, untold.last_line = 0, None, now
