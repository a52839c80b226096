"""What a rebalance means for the work under way: hand over, drop, take back, go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from monitor.daemon.backlog import Backlog
from monitor.daemon.checkpoints import Checkpoints
from monitor.daemon.publisher import Publisher
from monitor.errors import GapError
from monitor.metrics import Metrics
from monitor.state.resume import COPIED, MADE_ANEW, REPEATED, REWOUND, SKIPPED, Plan, Policy
from monitor.stream.columns import Columns
from monitor.stream.offsets import Assigned
from monitor.stream.records import Gap, Partition
from monitor.stream.sources import Polled, Source
from monitor.stream.sources.former_group import FormerOffsets, FormerPlaces

log = structlog.get_logger(__name__)

_SAID = {
    REPEATED: "the group's offsets are ahead of our snapshot: the records between are read again",
    SKIPPED: "somebody moved the group's offsets forward: the records between are not ours",
    REWOUND: "the offsets were moved back: records are read again, drift detection begins anew",
    MADE_ANEW: "the topic is not the one that was read, or holds less: begun anew",
    COPIED: "another state has counted these records: they are not counted again",
}


class Membership:
    """Takes the news of each poll.

    checkpoint: makes final what was done so far, without trying twice: called while partitions
    wait to go to another member.
    """

    def __init__(
        self,
        source: Source,
        publisher: Publisher,
        checkpoints: Checkpoints,
        backlog: Backlog,
        policy: Policy,
        metrics: Metrics,
        checkpoint: Callable[[], None],
        former_offsets: FormerOffsets | None = None,
    ) -> None:
        self._source = source
        self._publisher = publisher
        self._checkpoints = checkpoints
        self._backlog = backlog
        self._policy = policy
        self._metrics = metrics
        self._checkpoint = checkpoint
        self._former = FormerPlaces(former_offsets) if former_offsets is not None else None
        self._assigned: dict[Partition, Assigned] = {}
        source.on_leaving(self._hand_over)

    def take(self, polled: Polled) -> None:
        """Take a poll's news in their order: lost, assigned, records."""
        if polled.lost:
            self._forget(polled.lost)
        self._assigned.update(polled.assigned)
        if self._checkpoints.doubtful:
            self._roll_back()
            return
        if self._assigned:
            self._begin()
        self._backlog.add(polled.records, time.monotonic())

    def _hand_over(self, leaving: frozenset[Partition]) -> None:
        """Make final what is done of partitions before another member gets them."""
        self._drop(leaving)
        self._checkpoint()

    def _forget(self, lost: frozenset[Partition]) -> None:
        """Drop what is not scored of partitions that another member now reads."""
        self._drop(lost)
        self._checkpoints.lose(lost)
        for partition in lost:
            self._assigned.pop(partition, None)

    def _drop(self, partitions: frozenset[Partition]) -> None:
        self._metrics.records_dropped.inc(self._backlog.drop(partitions))
        self._checkpoints.beginnings.drop(partitions)

    def _roll_back(self) -> None:
        """Take back what is not final, and read it again, once it is known what is final."""
        self._drop(self._source.assigned)
        if not self._source.fenced and (not self._source.assigned or not self._publisher.recover()):
            return  # a fenced one must not end what the other one has under way
        if not self._checkpoints.settle(self._source.committed):
            return
        offsets = self._checkpoints.offsets()
        log.warning("what was not committed is done again", sequence=self._checkpoints.sequence)
        for partition, offset in offsets.items():
            self._source.seek(partition, offset)
        if self._assigned:
            self._begin()

    def _begin(self) -> None:
        """Go on with the partitions that were given to us."""
        if not self._look_before():
            return
        assigned, self._assigned = self._assigned, {}
        plans = self._checkpoints.resume(assigned, self._policy)
        for partition, plan in plans.items():
            self._say(partition, plan)
            self._metrics.partitions_resumed.labels(plan.case).inc()
            self._bridge(partition, plan)
            self._source.seek(partition, plan.offset)

    def _look_before(self) -> bool:
        """Take over the place of partitions that an earlier version kept in another group, where
        neither our group nor our state has one; false while that is being looked up.
        """
        if self._former is None:
            return True
        new = [p for p, item in self._assigned.items() if item.committed is None]
        new = [p for p in new if not self._checkpoints.knows(p)]
        found = self._former.of(new)
        if found is None:
            return False
        for partition, committed in found.items():
            log.info(
                "an earlier version kept its place in another group; it is taken over",
                partition=str(partition),
                offset=committed.offset,
            )
            self._assigned[partition] = replace(self._assigned[partition], committed=committed)
        return True

    def _say(self, partition: Partition, plan: Plan) -> None:
        said = _SAID.get(plan.case)
        if said:
            log.warning(said, partition=str(partition), offset=plan.offset)
        else:
            log.info("reading", partition=str(partition), offset=plan.offset, case=plan.case)

    def _bridge(self, partition: Partition, plan: Plan) -> None:
        """A dead letter for records that were deleted before we read them."""
        if plan.gap is None:
            return
        first, end = plan.gap
        text = f"offsets {first} to {end - 1} were deleted before they were read"
        if self._policy.out_of_range == "stop":
            raise GapError(
                f"{partition}: {text}. Set kafka.out_of_range to earliest or latest to go on"
                " without them, and let the topic keep its records longer"
            )
        log.error(text, partition=str(partition))
        gap = Columns.of_gap(partition, first, Gap(end, "expired", text))
        self._backlog.add(gap, time.monotonic())
