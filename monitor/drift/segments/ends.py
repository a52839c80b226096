"""Since when partitions have been read to their end, with nothing new, while others go on.

Records alone do not tell that: where none come, some may wait to be read. So the run loop says
which partitions are at their end, and how time passes. What is known begins anew with a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Quiet(NamedTuple):
    """A partition at its end. seconds: for so long. others: records that came elsewhere since."""

    seconds: float
    others: int


class _Since(NamedTuple):
    seconds: float
    came: int
    elsewhere: int


class Ends:
    """Looked at now and then."""

    def __init__(self) -> None:
        self._since: dict[int, _Since] = {}

    def look(self, now: float, at_end: Iterable[int], came: Sequence[int]) -> dict[int, Quiet]:
        """How long each of these has been quiet.

        now: seconds from any fixed origin. at_end: numbers of partitions that are read to their
        end. came: records of each partition, by its number.
        """
        total, before, self._since = sum(came), self._since, {}
        quiet = {}
        for number in at_end:
            elsewhere = total - came[number]
            since = before.get(number)
            if since is None or since.came != came[number]:
                since = _Since(now, came[number], elsewhere)
            self._since[number] = since
            quiet[number] = Quiet(now - since.seconds, elsewhere - since.elsewhere)
        return quiet
