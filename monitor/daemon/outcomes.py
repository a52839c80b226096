"""Outcomes on their way out: published, and counted once they are safe.

The events of one batch may be on their way while the next one is decided on. They are seen safe
before any other is published: so all arrive in order, however often one is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from monitor.daemon.checkpoints import Checkpoints
from monitor.daemon.context_watch import ColumnWatch, ContextWatch
from monitor.daemon.dead_letter_log import DeadLetterLog
from monitor.daemon.gauges import Gauges
from monitor.daemon.publisher import Published, Publisher, Wait
from monitor.drift.judge import Change
from monitor.evidence.keeper import Keeper
from monitor.metrics import Metrics
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.events import alert_event
from monitor.pipeline.outcome import Late, Outcome
from monitor.stream.events import Event
from monitor.stream.records import Alert

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """An outcome whose events were handed to the sink."""

    outcome: Outcome
    events: Sequence[Event]


class Outcomes:
    """Publishes outcomes one after the other. Where one is in doubt, so are the checkpoints."""

    def __init__(
        self,
        publisher: Publisher,
        checkpoints: Checkpoints,
        metrics: Metrics,
        dead_letter_limit: DeadLetterLimit,
        gauges: Gauges,
        evidence: Keeper | None = None,
        pages: str = "",
    ) -> None:
        """pages: see `alert_json`."""
        self._publisher = publisher
        self._checkpoints = checkpoints
        self._metrics = metrics
        self._dead_letter_limit = dead_letter_limit
        self._gauges = gauges
        self._evidence, self._pages = evidence, pages
        self._dead_letters = DeadLetterLog()
        self._context = ContextWatch()
        self._column = ColumnWatch()
        self._leaving: _Leaving | None = None

    def publish(self, outcome: Outcome, events: Sequence[Event], wait: Wait) -> bool:
        """Hand over what an outcome led to, once what came before is safe; false if that is not."""
        if not self.settle(wait):
            return False
        self._publisher.begin(events)
        self._leaving = _Leaving(outcome, events)
        return True

    def settle(self, wait: Wait) -> bool:
        """See what was published last safe, and only then count it; false if it is in doubt."""
        self._dead_letters.tell()
        leaving, self._leaving = self._leaving, None
        if self._checkpoints.doubtful:
            return False  # it is done again
        if leaving is None:
            return True
        if not self._finish(wait):
            return False
        self._count(leaving.outcome, leaving.events)
        self._checkpoints.count(len(leaving.outcome.consumed))
        return True

    def rest(self, wait: Wait) -> None:
        """Nothing is being scored: see what was published safe, and look at evidence meanwhile."""
        self.settle(wait)
        if self._evidence is not None:
            self._evidence.rest()

    def _finish(self, wait: Wait) -> bool:
        with self._metrics.stage("publish"):
            finished = self._publisher.finish(wait)
        if finished is not Published.DONE:
            self._checkpoints.doubtful = True
        return finished is Published.DONE

    def tell(self, change: Change, withheld: Sequence[Alert], wait: Wait) -> bool:
        """Publish a change that no record brought; false if that has to be done again.

        withheld: the change's alert, if it must not leave now.
        """
        events = [] if change.alert is None else [alert_event(change.alert, self._pages)]
        if not self._send(events, wait):
            return False
        self._count_changes([change], withheld)
        if self._evidence is not None and not change.verdict.segment:
            self._evidence.note(change)
        return True

    def tell_segments(
        self, changes: Sequence[Change], withheld: Sequence[Alert], wait: Wait
    ) -> bool:
        """The same of changes in segments."""
        alerts = [change.alert for change in changes if change.alert is not None]
        if alerts and not self._send([alert_event(each, self._pages) for each in alerts], wait):
            return False
        self._count_changes(changes, withheld)
        return True

    def _count_changes(self, changes: Sequence[Change], withheld: Sequence[Alert]) -> None:
        for change in changes:
            self._metrics.count_change(change)
            _log(change)
        self._metrics.mutes.count((), withheld)
        _log_withheld(withheld)

    def tell_late(self, late: Sequence[Late], wait: Wait) -> bool:
        """Publish alerts that were withheld; false if that has to be done again."""
        if not self._send([alert.message for alert in late], wait):
            return False
        self._metrics.mutes.count(late, ())
        _log_late(late)
        return True

    def _send(self, events: Sequence[Event], wait: Wait) -> bool:
        """Publish what no record brought, after all that came before."""
        if not self.settle(wait):
            return False
        self._publisher.begin(events)
        if not self._finish(wait):
            return False
        for event in events:
            self._metrics.events_published.labels(event.kind).inc()
        return True

    def close(self, seconds: float) -> None:
        """Tell what was not told yet; nothing comes any more. seconds: longest wait for a disk."""
        self._dead_letters.tell(at_once=True)
        if self._evidence is not None:
            self._evidence.close(seconds)

    def _count(self, outcome: Outcome, events: Sequence[Event]) -> None:
        self._metrics.count(outcome)
        for event in events:
            self._metrics.events_published.labels(event.kind).inc()
        if self._evidence is not None:
            self._evidence.take(outcome)
            if self._evidence.order is not None:
                self._evidence.follow(*self._gauges.drift)
        self._gauges.decided(outcome.consumed)
        self._dead_letters.count(outcome.dead_letters)
        self._context.look(outcome.times)
        self._column.look(outcome.scores.cells)
        if self._dead_letter_limit.count(outcome):
            log.error(self._dead_letter_limit.reason)
        if outcome.replayed_rows:
            log.warning("rows came again that were counted", rows=outcome.replayed_rows)
        _log_late(outcome.late)
        for change in (*outcome.changes, *outcome.segment_changes):
            _log(change)
        _log_withheld(outcome.withheld)
        for request in outcome.requests:
            log.warning(
                "a new model is asked for",
                request=request.id,
                policy=request.policy,
                reason=request.reason,
            )
        if outcome.changes or outcome.segment_changes or outcome.requests:
            self._gauges.refresh(at_once=True)


def _log(change: Change) -> None:
    if change.verdict.segment:
        log.info(
            f"segment {change.transition.event}",
            segment=change.verdict.segment,
            state=str(change.transition.after),
            explanation=change.verdict.explanation,
        )
        return
    log.info(
        f"drift {change.transition.event}",
        state=str(change.transition.after),
        statistic=round(change.verdict.statistic, 2),
        explanation=change.verdict.explanation,
    )


def _log_withheld(withheld: Sequence[Alert]) -> None:
    for alert in withheld:
        log.info("a drift alert is withheld", episode=alert.episode, alert=alert.event)


def _log_late(late: Sequence[Late]) -> None:
    for alert in late:
        log.info("a drift alert that was withheld has left", alert=alert.message.key)
