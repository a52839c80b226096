"""The run loop: poll, score, decide, publish, flush; now and then snapshot and commit.

A batch is scored while the next one is fetched, and its events are on their way while the next
one is decided on: they are flushed before any other is published, and before a snapshot.

The order is what makes a crash harmless: offsets are committed only after everything that
their records led to has been acknowledged, and after a snapshot that has counted them. A crash
in between repeats some batches, with the same keys on their outputs, from the snapshot that the
group has accepted; it never loses one and counts none twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from monitor.daemon.backlog import Backlog
from monitor.daemon.gauges import Gauges
from monitor.daemon.membership import Membership
from monitor.daemon.muting import Muting
from monitor.daemon.outcomes import Outcomes
from monitor.daemon.parts import Parts
from monitor.daemon.pause import Pause
from monitor.daemon.publisher import Wait
from monitor.daemon.readiness import Readiness
from monitor.drift.judge import Change
from monitor.errors import DamagedRecordsError
from monitor.model_in_use.swap import Swap
from monitor.pipeline.loaded_model import LoadedModel
from monitor.process import failpoints
from monitor.process.deadline import CLOSE, LEAVE, WORK
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
"""Longest wait for records: how soon a stop is noticed, and how often gauges are refreshed."""
REST_SECONDS = 15.0
"""Rows of segments that wait for more are judged once nothing has come for so long."""
QUIET_SECONDS = 5.0
"""Between two looks for segments whose whole partition is silent."""
FOLLOWER_SECONDS, DELIVERY_SECONDS, WEB_SECONDS, EVIDENCE_SECONDS = 2.0, 5.0, 4.0, 2.0
"""Longest wait for threads that end: of the follower, the deliveries, the web server."""


def _no_wait(seconds: float) -> bool:
    """There is no time for another attempt."""
    return False


@dataclass
class Daemon:
    """Runs until `stopping` is set, by any thread or a signal handler."""

    parts: Parts
    stopping: threading.Event = field(default_factory=threading.Event)
    _more: bool = False
    _decided: float = field(default_factory=time.monotonic)
    _looked: float = float("-inf")

    def __post_init__(self) -> None:
        parts = self.parts
        self._backlog = Backlog(
            parts.batcher, parts.pipeline.score, parts.ahead, parts.worth_seconds
        )
        readiness = Readiness(
            parts.source, parts.publisher, parts.checkpoints, parts.dead_letter_limit,
            parts.stall_seconds, waiting=lambda: self._backlog.waiting,
        )  # fmt: skip
        self._gauges = Gauges(
            parts.source, self._backlog, parts.pipeline, parts.dead_letter_limit, parts.metrics,
            parts.board, readiness, parts.slot,
        )  # fmt: skip
        self._outcomes = Outcomes(
            parts.publisher, parts.checkpoints, parts.metrics, parts.dead_letter_limit,
            self._gauges, parts.evidence, parts.pipeline.pages,
        )  # fmt: skip
        self._membership = Membership(
            parts.source, parts.publisher, parts.checkpoints, self._backlog, parts.policy,
            parts.metrics, lambda: self._checkpoint(_no_wait), parts.former_offsets,
        )  # fmt: skip
        self._swap = Swap(
            parts.slot, parts.pipeline, parts.checkpoints, self._checkpoint, self._end_told,
            self._replaced,
        )  # fmt: skip
        self._muting = parts.muting or Muting((), None, parts.metrics, parts.board)
        self._wait = Pause(parts, self.stopping, self._muting, self._gauges)
        self._show(self.model)

    @property
    def model(self) -> LoadedModel:
        """The model in use."""
        return self.parts.slot.current

    def stop(self) -> None:
        """Ask the daemon to finish what it has begun and return from `run`."""
        self.stopping.set()

    def look(self) -> None:
        """Look for a new model soon; returns at once, from any thread or signal handler."""
        if self.parts.follower is not None:
            self.parts.follower.look()

    def run(self) -> None:
        """Watch the stream until stopped; then finish what was polled and close everything."""
        self.parts.web.start()
        if self.parts.delivery is not None:
            self.parts.delivery.start()
        log.info("started", url=self.parts.web.url, model=self.model.version)
        try:
            if self.parts.follower is not None:
                self.parts.follower.start()
            self._watch()
            self._drain()
        finally:
            self._close()

    def _watch(self) -> None:
        try:
            while not self.stopping.is_set():
                self.turn()
        except DamagedRecordsError:
            # What came before the damage is made final: who steps over it skips nothing else.
            self._drain()
            raise

    def turn(self) -> None:
        """One round: poll, decide on what is due, make final what was done."""
        parts = self.parts
        parts.liveness.beat()
        wait = self._backlog.wait_seconds(time.monotonic(), IDLE_SECONDS)
        closed = parts.dead_letter_limit.closed or self._backlog.waiting
        wanted = 0 if closed else parts.max_poll_records
        polled = parts.source.poll(wait, wanted)
        if parts.now is not None:
            polled = replace(polled, records=polled.records.came(int(1000 * parts.now())))
        self._more = len(polled.records) > 0
        self._membership.take(polled)
        self._swap.finish_handover()
        self._tell_late()
        self._rest()
        self._gauges.refresh()  # before anything that may hang: lag goes on from here
        self._advance()
        self._look_for_quiet()
        if parts.checkpoints.due(time.monotonic()):
            self._checkpoint()
        self._take_model()
        self._gauges.refresh()

    def _advance(self) -> None:
        """Have scored what is due, and decide on what is scored."""
        while not self.parts.checkpoints.doubtful and not self.stopping.is_set():
            if self._backlog.start(time.monotonic()):
                continue
            if self._backlog.may_wait(self._more):
                break
            self._work()
        if not self._backlog.scoring:
            self._outcomes.rest(self._wait)

    def _work(self) -> None:
        """Decide on the oldest batch that is scored, and publish what it led to."""
        parts, began = self.parts, time.monotonic()
        scored = self._backlog.take()
        if scored is None or not len(scored.records):
            return  # it cannot be scored yet, or all of it was taken away meanwhile
        outcome = parts.pipeline.decide(scored, self._muting.reason())
        self._decided = time.monotonic()
        failpoints.reach("batch_decided")
        events = list(parts.events(outcome, self.model.version, self.model.threshold))
        if not self._outcomes.publish(outcome, events, self._wait):
            return
        parts.batcher.took(time.monotonic() - began + self._backlog.own_seconds)
        alerts = outcome.late or outcome.alerts
        if parts.checkpoints.due(time.monotonic()) or (alerts and parts.publisher.transactional):
            self._checkpoint()

    def _tell_late(self) -> None:
        """Have the alerts leave that a mute withheld, once it is over: no record need come."""
        checkpoints = self.parts.checkpoints
        if self._muting.reason() is not None or checkpoints.doubtful or not checkpoints.offsets():
            return
        late = self.parts.pipeline.late()
        if late and self._outcomes.tell_late(late, self._wait):
            self._checkpoint()

    def _rest(self) -> None:
        """Have segments judged whose rows wait for more, once nothing has come for a while."""
        pipeline, checkpoints = self.parts.pipeline, self.parts.checkpoints
        idle = time.monotonic() - self._decided >= REST_SECONDS
        if not idle or not pipeline.waits or checkpoints.doubtful or not checkpoints.offsets():
            return
        changes, withheld = pipeline.rest(self._muting.reason())
        if changes and self._outcomes.tell_segments(changes, withheld, self._wait):
            self._checkpoint()

    def _look_for_quiet(self) -> None:
        """Have segments told silent whose partition is at its end, while others go on."""
        pipeline, checkpoints = self.parts.pipeline, self.parts.checkpoints
        segmented, now = pipeline.segmented, time.monotonic()
        if segmented is None or now - self._looked < QUIET_SECONDS:
            return
        if checkpoints.doubtful or not checkpoints.offsets():
            return
        self._looked = now
        told = segmented.at_end(
            now, self._gauges.at_end, pipeline.judge.rows, self._muting.reason()
        )
        if told[0] and self._outcomes.tell_segments(*told, self._wait):
            self._checkpoint()

    def _end_told(self, change: Change) -> bool:
        """Tell the end of another model's episode; false if that has to be done again."""
        told, withheld = self.parts.pipeline.end_told(change, self._muting.reason())
        return self._outcomes.tell(told, withheld, self._wait)

    def _take_model(self) -> None:
        """Let another model take its place, once what the one in use has scored is decided on."""
        if self.parts.slot.version is not None:
            while self._backlog.scoring and not self.parts.checkpoints.doubtful:
                if self._backlog.waiting:
                    return
                self._work()
        self._swap.turn()

    def _checkpoint(self, wait: Wait | None = None) -> None:
        """Make final what was done so far."""
        parts = self.parts
        if parts.checkpoints.doubtful or not self._outcomes.settle(wait or self._wait):
            return
        with parts.metrics.stage("commit"):
            made = parts.checkpoints.make(self._commit, time.monotonic())
        if made:
            parts.metrics.last_batch.set_to_current_time()
        elif parts.publisher.transactional and parts.checkpoints.pending:
            # What the transaction held is gone with it.
            parts.checkpoints.doubtful = True

    def _replaced(self, model: LoadedModel, seconds: float) -> None:
        """Another model has taken its place."""
        self.parts.batcher.limit(model.limits)
        self.parts.metrics.model.swapped_after(seconds)
        self._show(model)
        self._gauges.replaced(model.version)

    def _show(self, model: LoadedModel) -> None:
        self.parts.metrics.show_model(model)
        self.parts.board.show_model(model.about)

    def _commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        return self.parts.publisher.commit(offsets, self.parts.source)

    def _drain(self) -> None:
        """Decide on what was polled before the stop, as far as the time allows."""
        parts, left = self.parts, self.parts.deadline.left
        parts.deadline.begin()
        log.info("stopping", unscored=self._backlog.records)
        while not parts.checkpoints.doubtful and left(WORK) > 0 and self._backlog.start_all():
            self._work()
        self._checkpoint()

    def _close(self) -> None:
        """Leave the group first, so that others take over; the web server goes last."""
        deadline = self.parts.deadline
        if self.parts.follower is not None:
            self.parts.follower.stop(deadline.at_most(FOLLOWER_SECONDS, LEAVE))
        self.parts.source.close()
        self._backlog.close()
        self.parts.publisher.close()
        self._outcomes.close(deadline.at_most(EVIDENCE_SECONDS, CLOSE))
        self._gauges.close()
        if self.parts.delivery is not None:
            self.parts.delivery.stop(deadline.at_most(DELIVERY_SECONDS, CLOSE))
        if self.parts.state is not None:
            self.parts.state.close()
        self.parts.web.stop(deadline.at_most(WEB_SECONDS, CLOSE))
        log.info("stopped")
