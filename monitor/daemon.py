"""The run loop: poll, decide, publish, flush, commit; then look whether to stop.

The order is what makes a crash harmless: offsets are committed only after everything that
their records led to has been acknowledged. A crash in between repeats a batch, with the same
keys on its outputs; it never loses one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from monitor.batching import Batcher
from monitor.errors import SinkError
from monitor.events import Event, events_of
from monitor.metrics import Metrics
from monitor.pipeline import Outcome, Pipeline
from monitor.records import Partition, Record
from monitor.sinks import Sink
from monitor.sources import Source
from monitor.status import StatusBoard
from monitor.web.server import WebServer

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
"""Longest wait for records: how soon a stop is noticed, and how often gauges are refreshed."""
REFRESH_SECONDS = 0.5
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0


@dataclass(frozen=True)
class Parts:
    """What the daemon is made of. model_version and threshold go into the events."""

    source: Source
    sink: Sink
    pipeline: Pipeline
    batcher: Batcher
    metrics: Metrics
    board: StatusBoard
    web: WebServer
    model_version: str
    threshold: float
    max_poll_records: int
    shutdown_seconds: float


@dataclass
class Daemon:
    """Runs until `stopping` is set, by any thread or a signal handler."""

    parts: Parts
    stopping: threading.Event = field(default_factory=threading.Event)
    _deadline: float = float("inf")
    _refreshed: float = float("-inf")
    _newest: dict[Partition, Record] = field(default_factory=dict)

    def stop(self) -> None:
        """Ask the daemon to finish what it has begun and return from `run`."""
        self.stopping.set()

    def run(self) -> None:
        """Watch the stream until stopped; then finish what was polled and close everything."""
        self.parts.web.start()
        log.info("started", url=self.parts.web.url, model=self.parts.model_version)
        try:
            while not self.stopping.is_set():
                self.turn()
            self._drain()
        finally:
            self._close()

    def turn(self) -> None:
        """One round: poll, and decide on what is due."""
        parts = self.parts
        wait = parts.batcher.wait_seconds(time.monotonic(), IDLE_SECONDS)
        polled = parts.source.poll(wait, parts.max_poll_records)
        if polled.lost:
            self._forget(polled.lost)
        parts.batcher.add(polled.records, time.monotonic())
        while parts.batcher.due(time.monotonic()) and not self.stopping.is_set():
            self._work(parts.batcher.take())
        self._refresh()

    def _forget(self, lost: frozenset[Partition]) -> None:
        """Drop what is not scored of partitions that another member now reads."""
        dropped = self.parts.batcher.drop(lambda record: record.source in lost)
        self.parts.metrics.records_dropped.inc(dropped)
        for partition in lost:
            self._newest.pop(partition, None)

    def _work(self, records: Sequence[Record]) -> None:
        """Decide on a batch; publish, flush, commit, and only then count."""
        parts = self.parts
        outcome = parts.pipeline.step(records)
        events = list(events_of(outcome, parts.model_version, parts.threshold))
        with parts.metrics.stage("publish"):
            published = self._publish(events)
        if not published:
            return
        with parts.metrics.stage("commit"):
            if not parts.source.commit(outcome.next_offsets):
                parts.metrics.commit_failures.inc()
        self._count(outcome, events)

    def _publish(self, events: Sequence[Event]) -> bool:
        """Publish until it succeeds; false if we must stop first, and nothing is committed."""
        retry_seconds = FIRST_RETRY_SECONDS
        while True:
            try:
                self.parts.sink.publish(events)
                self.parts.sink.flush()
                return True
            except SinkError as error:
                self.parts.metrics.publish_failures.inc()
                if not error.retryable:
                    raise
                log.warning("publishing failed; trying again", error=str(error))
                if self._give_up(retry_seconds):
                    log.warning("stopped before publishing; the records will be read again")
                    return False
                retry_seconds = min(2 * retry_seconds, LONGEST_RETRY_SECONDS)
            self._refresh()

    def _give_up(self, seconds: float) -> bool:
        """Wait before another attempt; true if there is no time for one."""
        if self.stopping.is_set():
            self._start_deadline()
            time.sleep(min(seconds, max(0.0, self._deadline - time.monotonic())))
            return time.monotonic() >= self._deadline
        self.stopping.wait(seconds)
        return False

    def _start_deadline(self) -> None:
        deadline = time.monotonic() + self.parts.shutdown_seconds
        self._deadline = min(self._deadline, deadline)

    def _count(self, outcome: Outcome, events: Sequence[Event]) -> None:
        self.parts.metrics.count(outcome)
        self.parts.metrics.last_batch.set_to_current_time()
        for event in events:
            self.parts.metrics.events_published.labels(event.kind).inc()
        self.parts.board.count(outcome)
        self._newest.update({record.source: record for record in outcome.consumed})
        if outcome.replayed_rows:
            log.warning(
                "rows scored again that drift detection had counted; it left them out."
                " If the topic was made anew, restart this daemon",
                rows=outcome.replayed_rows,
            )
        for change in outcome.changes:
            log.info(
                f"drift {change.transition.event}",
                state=str(change.transition.after),
                statistic=round(change.verdict.statistic, 2),
                explanation=change.verdict.explanation,
            )
        if outcome.changes:
            self._refresh(at_once=True)

    def _refresh(self, at_once: bool = False) -> None:
        """Bring gauges and status page up to date, now and then."""
        if not at_once and time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        parts, now = self.parts, time.time()
        assigned, connected = parts.source.assigned, parts.source.connected
        lags = self._lags(now)
        verdict = parts.pipeline.judge.verdict
        parts.metrics.show(verdict)
        parts.metrics.show_lags(lags)
        parts.metrics.partitions.set(len(assigned))
        parts.metrics.connected.set(connected)
        parts.board.remember(now, verdict)
        parts.board.publish(verdict, connected and bool(assigned), connected, lags)

    def _lags(self, now: float) -> dict[Partition, tuple[int, float]]:
        """Records and seconds that each assigned partition is behind."""
        lags = {}
        for partition, position in self.parts.source.positions().items():
            newest = self._newest.get(partition)
            done = position.next_offset if newest is None else newest.offset + 1
            behind = max(0, position.end_offset - done)
            dated = newest is not None and newest.timestamp >= 0
            age = max(0.0, now - newest.timestamp / 1000) if newest and dated and behind else 0.0
            lags[partition] = (behind, age)
        return lags

    def _drain(self) -> None:
        """Decide on what was polled before the stop, as far as the time allows."""
        self._start_deadline()
        log.info("stopping", unscored=self.parts.batcher.records)
        while self.parts.batcher.records and time.monotonic() < self._deadline:
            self._work(self.parts.batcher.take())

    def _close(self) -> None:
        """Leave the group first, so that others take over; the web server goes last."""
        self.parts.source.close()
        self.parts.sink.close()
        self.parts.web.stop()
        log.info("stopped")
