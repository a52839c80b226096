"""Keeps gauges and the status page up to date: state, lag, readiness."""

from __future__ import annotations

import time
from collections.abc import Iterable, Set

import structlog

from monitor.daemon.backlog import Backlog
from monitor.daemon.clock_watch import ClockWatch
from monitor.daemon.lag import Lag, Place
from monitor.daemon.readiness import Readiness
from monitor.metrics import Metrics
from monitor.metrics.segments import segment_shown
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.first_rows import Finding
from monitor.pipeline.segment_json import segments_json
from monitor.pipeline.segmented import changes_of, episodes_of
from monitor.pipeline.step import Pipeline
from monitor.state.ledger import Totals
from monitor.stream.columns import Columns
from monitor.stream.records import Lags, Partition, Verdict
from monitor.stream.sources import Source
from monitor.web.histogram import compared
from monitor.web.status import StatusBoard

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 0.5
SEGMENTS_SECONDS = 2.0


class Gauges:
    """Refreshed by the run loop, now and then; lag whenever somebody asks.

    at_end: our partitions that are read and decided on to their end, as the brokers say.
    """

    def __init__(
        self,
        source: Source,
        backlog: Backlog,
        pipeline: Pipeline,
        dead_letter_limit: DeadLetterLimit,
        metrics: Metrics,
        board: StatusBoard,
        readiness: Readiness,
        slot: ModelSlot,
    ) -> None:
        self._source = source
        self._backlog = backlog
        self._pipeline = pipeline
        self._dead_letter_limit = dead_letter_limit
        self._metrics = metrics
        self._board = board
        self._readiness = readiness
        self._slot = slot
        self._found: Finding | None = None
        self._refreshed = float("-inf")
        self._newest: dict[Partition, int] = {}
        self._clocks = ClockWatch()
        self._replaced = 0
        self._segments_shown = float("-inf")
        self._lag = Lag()
        self.at_end: frozenset[Partition] = frozenset()
        metrics.lag.now = board.lags = self._lag.now
        source.on_survey(self._lag.survey)

    @property
    def drift(self) -> tuple[str, Verdict]:
        """The id of the newest episode, and the verdict as of the last evaluation."""
        return self._pipeline.judge.episode, self._pipeline.judge.verdict

    def decided(self, records: Columns) -> None:
        """These records were decided on."""
        times, last = records.timestamps, records.last_of_each()
        self._readiness.judged(last)
        self._newest.update({p: int(times[i]) for p, i in last.items()})

    def refresh(self, at_once: bool = False) -> None:
        """Bring all up to date, if that is due."""
        if not at_once and time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        now, source, metrics = time.time(), self._source, self._metrics
        assigned, connected = source.assigned, source.connected
        lags = self._lags()
        behind = frozenset(p for p, (records, _) in lags.items() if records) & assigned
        waits = any(records for records, _ in lags.values())
        done = {p for p, (records, _) in lags.items() if not records}
        self.at_end = frozenset(done & assigned if connected else ())
        known = waits or assigned <= lags.keys()
        hindrances = self._readiness.hindrances(
            bool(assigned), connected, waits if known else None, behind
        )
        verdict = self._pipeline.judge.verdict
        metrics.show(verdict)
        metrics.partitions.set(len(assigned))
        metrics.connected.set(connected)
        metrics.quarantined.set(self._dead_letter_limit.closed)
        metrics.show_hindrances(hindrances)
        metrics.clients_replaced.inc(source.replaced - self._replaced)
        self._replaced = source.replaced
        metrics.series.show(self._pipeline.series)
        asked = self._pipeline.history.asked(self._pipeline.judge.model_version)
        metrics.requests.asked.set((asked or 0) / 1000)
        totals = self._pipeline.ledger.totals
        self._show_over_time(now, verdict, totals.values())
        both = self._pipeline.history, self._pipeline.segmented
        self._board.episodes, self._board.changes = episodes_of(*both), changes_of(*both)
        self._show_segments(now, verdict, at_once=at_once)
        self._board.requests = self._pipeline.history.requests
        self._show_clocks(assigned)
        self._show_first_rows()
        self._board.publish(verdict, hindrances, connected, assigned, totals)

    def replaced(self, version: str) -> None:
        """Another model has taken its place."""
        self._board.timeline.mark(time.time(), "model", f"model {version[:8]}")
        self.refresh(at_once=True)

    def close(self) -> None:
        """Keep the timeline."""
        self._board.timeline.save(time.time(), at_once=True)

    def _show_over_time(self, now: float, verdict: Verdict, totals: Iterable[Totals]) -> None:
        """Add to the curves, and say how errors are spread."""
        counted = [(each.rows, each.anomalous) for each in totals]
        timeline = self._board.timeline
        timeline.note(now, verdict, sum(r for r, _ in counted), sum(a for _, a in counted))
        timeline.save(now)
        model = self._slot.current
        reference = model.judged or model.reference
        timeline.lines = {"threshold": reference.threshold, "reference median": reference.unit}
        self._board.histogram = compared(reference, self._pipeline.judge.window.errors)

    def _show_segments(self, now: float, verdict: Verdict, *, at_once: bool) -> None:
        """Look at each segment, now and then: fifty verdicts take as long as fifty batches."""
        segmented = self._pipeline.segmented
        if segmented is None or not (at_once or now - self._segments_shown >= SEGMENTS_SECONDS):
            return
        self._segments_shown = now
        self._board.segments = shown = segments_json(segmented.segments, verdict)
        self._metrics.segments.show(
            {each["name"]: segment_shown(each) for each in shown["segments"]}
        )

    def _show_clocks(self, assigned: Set[Partition]) -> None:
        """Tell whose timestamps are not believed."""
        judge = self._pipeline.judge
        wild = {p: clock for p, clock in judge.wild_clocks.items() if p in assigned}
        self._metrics.show_clocks(assigned, wild.keys(), judge.clock_offsets)
        self._board.wild_clocks = wild
        self._clocks.look(wild)

    def _show_first_rows(self) -> None:
        """Tell whether the first rows are unlike all that the model knows."""
        looked = self._slot.current.first_rows
        found = None if looked is None else looked.finding
        self._metrics.model.show_first_rows(None if found is None else found.kind)
        self._board.first_rows = None if found is None else found.text
        if found is not None and found is not self._found:
            log.warning("the first rows are unlike the model", kind=found.kind, what=found.text)
        self._found = found

    def _lags(self) -> Lags:
        """Records and seconds that each assigned partition is behind."""
        positions, held = self._source.positions(), self._backlog.held()
        self._newest = {p: time for p, time in self._newest.items() if p in positions}
        places = {
            p: Place(at.next_offset, held.get(p, 0), self._newest.get(p, -1), at.end_offset)
            for p, at in positions.items()
        }
        for partition in self._source.assigned - places.keys():
            # It waits to be read: what our state knows of it tells how much that is.
            done, end = self._pipeline.ledger.next_offset(partition), self._lag.end(partition)
            if done is not None and end is not None:
                places[partition] = Place(done, held.get(partition, 0), -1, end)
        return self._lag.decided(places)
