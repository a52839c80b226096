"""Partitions that were given to us, until it is known what the brokers have of them.

Each is looked up by itself: one without a leader waits, says why, and keeps no other waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from monitor.stream.offsets import Assigned, Committed, is_other
from monitor.stream.records import Partition
from monitor.stream.sources.survey import Survey, View

log = structlog.get_logger(__name__)

ANSWER_SECONDS: Final = 1.0
"""So long a poll waits for what the brokers say of a new partition."""
TOLD_AFTER_SECONDS: Final = 5.0
"""So long a partition may wait before it counts as one that cannot be read."""
COMPLAINT_SECONDS: Final = 60.0
BEHIND_SECONDS: Final = 15.0
"""So long a partition may end before what the group has committed of it. A leader that is new may
tell an older end for a moment, and another member may have committed since we asked."""

Lookup = Callable[[Iterable[Partition]], Mapping[Partition, Committed] | None]


class Lookups:
    """What a source asks about its partitions. committed: what the group has stored, or None.

    unanswered: true while the group says nothing of what it has stored.
    """

    def __init__(
        self, survey: Survey, committed: Lookup, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._survey = survey
        self._committed = committed
        self._clock = clock
        self._since: dict[Partition, float] = {}
        self._reasons: dict[Partition, str] = {}
        self._asked_again: dict[Partition, float] = {}
        self._complained_at = float("-inf")
        self._established = False
        self._looked_elsewhere = False
        self.unanswered = False
        self._identity = ""

    def found(self, new: Iterable[Partition]) -> dict[Partition, Assigned]:
        """Those of the new partitions that all is known of by now."""
        now = self._clock()
        self._since = {p: self._since.get(p, now) for p in new}
        self._reasons = {}
        if not self._since:
            self.unanswered = False
            return {}
        latest = max(self._since.values())
        left = max(0.0, latest + ANSWER_SECONDS - now)
        view = self._survey.after(latest, left) or self._survey.view
        ready, found = [], {}
        self._asked_again = {p: at for p, at in self._asked_again.items() if p in self._since}
        for partition, since in self._since.items():
            if view is None or view.taken_at < max(since, self._asked_again.get(partition, since)):
                self._reasons[partition] = self._survey.failure or "the brokers do not answer"
            elif partition in view.bounds:
                ready.append(partition)
            else:
                self._reasons[partition] = view.silent.get(partition, "it is not there")
        stored = self._committed(ready) if ready else {}
        elsewhere = self._stored_elsewhere(ready, view)
        self.unanswered = stored is None or elsewhere is None
        if stored is None or elsewhere is None or view is None:
            self._reasons.update(
                dict.fromkeys(ready, "the group's offsets cannot be looked up now")
            )
        else:
            is_new = self._is_new(stored, ready, view.partitions)
            self._identity = view.identity
            for p in ready:
                first, end = view.bounds[p]
                if self._is_behind(p, stored.get(p), end, now):
                    continue
                found[p] = Assigned(stored.get(p), first, end, view.identity, is_new, elsewhere)
                del self._since[p]
            self._looked_elsewhere = self._looked_elsewhere or bool(found)
        self._complain(now)
        return found

    def _stored_elsewhere(
        self, ready: list[Partition], view: View | None
    ) -> Mapping[Partition, Committed] | None:
        """What is stored for partitions that are not ours, when the first that are are found."""
        if self._looked_elsewhere or view is None or not ready:
            return {}
        return self._committed(sorted(view.partitions.difference(ready)))

    def _is_behind(self, p: Partition, stored: Committed | None, end: int, now: float) -> bool:
        """Whether to ask again for a partition that ends before what is committed of it."""
        if stored is None or stored.offset <= end or now - self._since[p] > BEHIND_SECONDS:
            return False
        self._asked_again[p] = now
        self._reasons[p] = f"it ends at {end}, and the group has committed {stored.offset}"
        return True

    def _is_new(
        self,
        stored: Mapping[Partition, Committed],
        asked: list[Partition],
        everything: frozenset[Partition],
    ) -> bool:
        """True if the group has stored nothing at all for the topic."""
        if not self._established and not stored:
            others = everything.difference(asked)
            stored = (self._committed(sorted(others)) or {}) if others else {}
        self._established = self._established or bool(stored)
        return not self._established

    def _complain(self, now: float) -> None:
        stuck = self.stuck(())
        if stuck and now - self._complained_at >= COMPLAINT_SECONDS:
            self._complained_at = now
            partition, reason = min(stuck.items())
            log.warning(
                "partitions cannot be read; the others are",
                partitions=len(stuck),
                partition=str(partition),
                error=reason,
            )

    def stuck(self, told: Iterable[Partition]) -> dict[Partition, str]:
        """Partitions of ours that cannot be read, and why. told: those that all was known of."""
        now, view = self._clock(), self._survey.view
        waiting = {
            p: reason
            for p, reason in self._reasons.items()
            if now - self._since.get(p, now) >= TOLD_AFTER_SECONDS
        }
        silent = {} if view is None else view.silent
        return waiting | {p: silent[p] for p in told if p in silent}

    def is_another_topic(self) -> bool:
        """True, once, if the name stands for another topic than the partitions were found in."""
        view = self._survey.view
        if view is None or not view.partitions or not is_other(self._identity, view.identity):
            return False
        log.warning("the topic was deleted and made anew", topic=next(iter(view.partitions)).topic)
        self._identity = ""
        return True
