"""Why the daemon is not ready: ready means that the records there are are being judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final

from monitor.daemon.checkpoints import Checkpoints
from monitor.daemon.publisher import Publisher
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.stream.records import Partition
from monitor.stream.sources import Source

FENCED: Final = (
    "another process has taken our place in the group: give each daemon a kafka.instance of its"
    " own, and restart this one"
)
SHOWN: Final = 3
"""Partitions that are named, of those that cannot be read or are not judged."""


class Readiness:
    """Looked at by the run loop.

    stall_seconds: so long nothing may be judged while records wait, of any partition. waiting: why
    records cannot be decoded yet, or nothing.
    """

    def __init__(
        self,
        source: Source,
        publisher: Publisher,
        checkpoints: Checkpoints,
        dead_letter_limit: DeadLetterLimit,
        stall_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        waiting: Callable[[], str] = str,
    ) -> None:
        self._source = source
        self._publisher = publisher
        self._checkpoints = checkpoints
        self._dead_letter_limit = dead_letter_limit
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._judged_at = clock()
        self._judged_of: dict[Partition, float] = {}
        self._waiting = waiting

    def judged(self, partitions: Iterable[Partition]) -> None:
        """Records of these partitions were decided on."""
        self._judged_at = self._clock()
        self._judged_of |= dict.fromkeys(partitions, self._judged_at)

    def hindrances(
        self,
        assigned: bool,
        connected: bool,
        records_wait: bool | None,
        behind: Set[Partition],
    ) -> Mapping[str, str]:
        """Why we are not ready, by one of `metrics.HINDRANCES`; empty if we are.

        records_wait: None if that is not known, as no broker says where a partition ends. behind:
        the partitions of ours of which records wait.
        """
        if records_wait is False:
            self._judged_at = self._clock()
        limit = self._dead_letter_limit
        found = {
            "dead_letters": limit.reason if limit.closed else "",
            "fenced": FENCED if self._source.fenced else "",
            "connection": "" if connected else "no connection to Kafka",
            "output": self._publisher.blocked,
            "state": self._state(),
            "unreadable": self._unreadable(),
            "schemas": self._waiting(),
            "stalled": self._stalled(records_wait),
            "starved": self._starved(behind),
            "partitions": "" if assigned or self._source.fenced or not connected
            else "waiting for Kafka to assign partitions",
        }  # fmt: skip
        return {reason: text for reason, text in found.items() if text}

    def _stalled(self, records_wait: bool | None) -> str:
        waited = self._clock() - self._judged_at
        if waited < self._stall_seconds:
            return ""
        wait = "records wait" if records_wait else "whether records wait is not known"
        return f"{wait}, and none was judged for {waited:.0f} s"

    def _starved(self, behind: Set[Partition]) -> str:
        """Some partitions have no turn, while others go on."""
        now = self._clock()
        self._judged_of = {p: self._judged_of.get(p, now) for p in behind}
        if now - self._judged_at >= self._stall_seconds:
            return ""
        told = self._source.unreadable()
        late = {
            p: at for p, at in self._judged_of.items()
            if now - at >= self._stall_seconds and p not in told
        }  # fmt: skip
        if not late:
            return ""
        waited, named = now - min(late.values()), _named([str(p) for p in sorted(late)])
        return f"records of some partitions wait, and none was judged for {waited:.0f} s ({named})"

    def _state(self) -> str:
        failure = self._checkpoints.folder_failure
        return f"state.directory cannot be written: {failure}" if failure else ""

    def _unreadable(self) -> str:
        found = self._source.unreadable()
        if not found:
            return ""
        named = _named([f"{p}: {reason}" for p, reason in sorted(found.items())])
        return f"partitions cannot be read ({named})"


def _named(partitions: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f", and {len(partitions) - SHOWN} more" if len(partitions) > SHOWN else ""
    return ", ".join(partitions[:SHOWN]) + more
