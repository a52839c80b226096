"""Keeps gauges and the status page up to date: state, lag, readiness."""

from __future__ import annotations

import time
from collections.abc import Set

from monitor.daemon.backlog import Backlog
from monitor.daemon.clock_watch import ClockWatch
from monitor.metrics import Metrics
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Partition
from monitor.stream.sources import Source
from monitor.web.status import StatusBoard

REFRESH_SECONDS = 0.5


class Gauges:
    """Refreshed by the run loop, now and then."""

    def __init__(
        self,
        source: Source,
        backlog: Backlog,
        pipeline: Pipeline,
        dead_letter_limit: DeadLetterLimit,
        metrics: Metrics,
        board: StatusBoard,
    ) -> None:
        self._source = source
        self._backlog = backlog
        self._pipeline = pipeline
        self._dead_letter_limit = dead_letter_limit
        self._metrics = metrics
        self._board = board
        self._refreshed = float("-inf")
        self._newest: dict[Partition, int] = {}
        self._clocks = ClockWatch()
        self.lag = 0

    def decided(self, records: Columns) -> None:
        """These records were decided on."""
        times = records.timestamps
        self._newest.update({p: int(times[i]) for p, i in records.last_of_each().items()})

    def refresh(self, at_once: bool = False) -> None:
        """Bring all up to date, if that is due."""
        if not at_once and time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        now, source, metrics = time.time(), self._source, self._metrics
        assigned, connected = source.assigned, source.connected
        lags = self._lags(now)
        self.lag = sum(records for records, _ in lags.values())
        verdict = self._pipeline.judge.verdict
        metrics.show(verdict)
        metrics.show_lags(lags)
        metrics.partitions.set(len(assigned))
        metrics.connected.set(connected)
        metrics.quarantined.set(self._dead_letter_limit.closed)
        asked = self._pipeline.history.asked(self._pipeline.judge.model_version)
        metrics.requests.asked.set((asked or 0) / 1000)
        self._board.remember(now, verdict)
        self._board.episodes = self._pipeline.history.episodes
        self._board.changes = self._pipeline.history.changes
        self._show_clocks(lags.keys())
        self._board.publish(
            verdict, self._hindrance(bool(assigned), connected), connected, lags,
            self._pipeline.ledger.totals,
        )  # fmt: skip

    def _show_clocks(self, assigned: Set[Partition]) -> None:
        """Tell whose timestamps are not believed."""
        judge = self._pipeline.judge
        wild = {p: clock for p, clock in judge.wild_clocks.items() if p in assigned}
        self._metrics.show_clocks(assigned, wild.keys(), judge.clock_offsets)
        self._board.wild_clocks = wild
        self._clocks.look(wild)

    def _hindrance(self, assigned: bool, connected: bool) -> str:
        """Why we are not ready; empty if we are."""
        if self._dead_letter_limit.closed:
            return self._dead_letter_limit.reason
        if not connected:
            return "no connection to Kafka"
        return "" if assigned else "waiting for Kafka to assign partitions"

    def _lags(self, now: float) -> dict[Partition, tuple[int, float]]:
        """Records and seconds that each assigned partition is behind."""
        lags = {}
        positions, held = self._source.positions(), self._backlog.held()
        self._newest = {p: time for p, time in self._newest.items() if p in positions}
        for partition, position in positions.items():
            newest = self._newest.get(partition, -1)
            unread = max(0, position.end_offset - position.next_offset)
            behind = unread + held.get(partition, 0)
            age = max(0.0, now - newest / 1000) if newest >= 0 and behind else 0.0
            lags[partition] = (behind, age)
        return lags
