"""Says in the log whose timestamps are not believed: once, and not too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog

from monitor.drift.partition_clocks import WildClock
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 3600.0
"""A partition is named again after this time at the earliest."""
NAMED_AT_ONCE = 5
_WORDS = {
    "ahead": "its timestamps come from the future",
    "behind": "its timestamps are years old",
    "set_back": "its timestamps were set back by more than a day",
}


class ClockWatch:
    """clock: seconds from any fixed origin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[Partition, float] = {}
        self._wild: set[Partition] = set()

    def look(self, wild: Mapping[Partition, WildClock]) -> None:
        """These are not believed now; partitions that are not ours are left out."""
        now = self._clock()
        for partition in sorted(self._wild - wild.keys())[:NAMED_AT_ONCE]:
            log.info("timestamps are believed again", partition=str(partition))
        self._told = {p: at for p, at in self._told.items() if now - at < AGAIN_SECONDS}
        new = sorted(p for p in wild.keys() - self._wild if p not in self._told)
        self._wild = set(wild)
        for partition in new[:NAMED_AT_ONCE]:
            self._warn(partition, wild[partition])
        if len(new) > NAMED_AT_ONCE:
            log.warning(
                "timestamps of more partitions are not believed", number=len(new) - NAMED_AT_ONCE
            )
        self._told |= dict.fromkeys(new, now)

    def _warn(self, partition: Partition, clock: WildClock) -> None:
        log.warning(
            f"timestamps are not believed: {_WORDS[clock.reason]}. Budget, guard and cooldown go by"
            " the time at which records come. Put its producer's clock right",
            partition=str(partition),
            ahead_seconds=round(clock.offset_seconds),
        )
