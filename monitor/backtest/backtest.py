"""The daemon's pipeline over records of the past: nothing of Kafka's groups, no state, nothing
published.

Model, codec, judge, history and their settings are built by what builds the daemon's; of a file,
which gives rows, the codec is left out. Every record counts as having come when it was stamped. So
what is decided is what a daemon would have decided that had read these records, and no others,
from one partition while they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.input_spec import InputSpec
from monitor.backtest.alarms import Noted, alarms_of, compared
from monitor.backtest.course import Course
from monitor.backtest.dead import Dead
from monitor.backtest.given_rows import GivenRows
from monitor.backtest.lane import Lane
from monitor.backtest.past import Past
from monitor.backtest.result import Judged, Result
from monitor.backtest.strangest import Strangest
from monitor.backtest.true_changes import Places, TrueChange
from monitor.backtest.watched_history import WatchedHistory
from monitor.backtest.watched_segments import (
    CONFIGURED,
    LOOK_RECORDS,
    Asked,
    WatchedSegments,
    column_of,
    watching,
)
from monitor.config import Config
from monitor.daemon.assembly.judge import channels_of
from monitor.daemon.assembly.loaded_model import build_model
from monitor.daemon.assembly.model import load_in_precision, set_threads
from monitor.daemon.assembly.registry import model_folder
from monitor.daemon.assembly.retraining import retraining_policy
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.segment_json import segments_json
from monitor.pipeline.step import Pipeline
from monitor.process.progress import Advance
from monitor.retraining.past_episode import Episode
from monitor.retraining.request import RetrainRequest
from monitor.stream.columns import Columns
from monitor.stream.records import Partition


class Backtest:
    """Replays records once. config: the daemon's. lanes: others, whose drift section is judged by
    over the same scores.

    payloads: the codec decodes them; without, rows are `given` in their place. asked: which
    segments are judged; segments: that are, or None. bundle: the model that it names. channels:
    names of what is watched beside the error. knows_hours: whether errors or channels are judged by
    the hour. spec: of what the data must hold, single steps where the model takes windows. by: the
    column that says which series a step is of, or ""; segment_column: the one that names its
    segment.
    Raises ConfigError or BundleError as the daemon does, UserError where segments cannot be known.
    """

    def __init__(
        self, config: Config, lanes: Sequence[Config] = (), *, payloads: bool = False,
        asked: Asked = CONFIGURED,
    ) -> None:  # fmt: skip
        self.config = config
        self.given = GivenRows()
        self.bundle: Bundle = load_in_precision(config, model_folder(config))
        set_threads(config, self.bundle)
        self.model = build_model(config, self.bundle)
        watched = channels_of(config, self.bundle)
        of_channels = watched is not None and watched.context is not None
        adjusted = of_channels or self.bundle.context is not None
        self.knows_hours = adjusted and self.bundle.column is None
        self.channels = () if watched is None else tuple(view.name for view in watched.each)
        spec = self.bundle.input_spec
        self.spec: InputSpec = spec if spec.window is None else spec.steps
        self.by = "" if spec.window is None else spec.window.by
        self.segment_column = "" if payloads else column_of(config, asked, self.by)
        new_segments = watching(config, asked, None if payloads else self.given)
        self.segments = new_segments(self.model.segments)
        self.place = Partition(config.kafka.topic, 0)
        self.history = WatchedHistory(retraining_policy(config))
        self._strangest = Strangest(
            self.bundle.version, self.bundle.reference.threshold, contents=config.evidence != "off"
        )
        self.pipeline = Pipeline(
            self.model.decode if payloads else self.given, self.model.scorer, self.model.judge,
            history=self.history, series=self.model.series, picker=self._strangest,
            segmented=self.segments,
        )  # fmt: skip
        self._lanes = [Lane(each, self.bundle, new_segments) for each in lanes]
        section = config.dead_letters
        self._limit = DeadLetterLimit(section.max_share, section.over_records)
        self.course, self._dead = Course(), Dead()
        self._requests: list[RetrainRequest] = []
        self._records = self._rows = self._anomalous = 0
        self._partitions: dict[Partition, None] = {}
        self._newest = -1
        self._first: int | None = None
        self._last: int | None = None

    def run(
        self,
        past: Past,
        changes: tuple[TrueChange, ...] | None = None,
        advance: Advance = lambda count, share=None: None,
    ) -> Result:
        """Replay all records, or those before KeyboardInterrupt, if there were some.

        changes: that are known to have happened, None if nobody says. advance: is told how many
        records were replayed. Raises DataError, or UserError where a topic cannot be read.
        """
        places, complete, limits = Places(changes or ()), True, self.model.limits
        several = past.topic is not None and len(past.topic["partitions"]) > 1
        if several and self.segments is not None:
            limits = replace(limits, max_records=min(limits.max_records, LOOK_RECORDS))
        try:
            for batch in past.batches(limits):
                self._take(batch, places)
                advance(len(batch))
                if self._limit.closed:
                    break
        except KeyboardInterrupt:
            if not self._records:
                raise
            complete = False
        else:
            self._finish()
        return self._result(changes, places, complete and not self._limit.closed)

    def _take(self, batch: Columns, places: Places) -> None:
        """Decide on a batch, and only then count it."""
        came = batch.timestamps if batch.arrivals is None else batch.arrivals
        self.history.expect(batch, self._records)
        self._strangest.before = self._records
        scored = self.pipeline.score(batch)
        if self.segments is not None:
            self._strangest.name(scored)
            self.segments.expect(scored.rows, self.pipeline.judge.rows, self._records)
        outcome = self.pipeline.decide(scored)
        if self._lanes:
            judged = scored.judged(scored.context_times())
            for lane in self._lanes:
                lane.take(judged, scored, self._records)
        places.see(came, self._records)
        self.course.add(_errors(outcome))
        self._time(came)
        self._look(came, batch.partitions)
        self._rows += outcome.scores.reconstruction_error.size
        self._anomalous += int(outcome.scores.anomalous.sum())
        self._dead.take(outcome.dead_letters)
        self._requests += outcome.requests
        self._limit.count(outcome)
        self._records += len(batch)

    def _look(self, came: NDArray[np.int64], partitions: Iterable[Partition]) -> None:
        """Look for segments that are silent with their partition, as the daemon does."""
        self._partitions |= dict.fromkeys(partitions)
        self._newest = max(self._newest, int(came.max()))
        if self._newest < 0 or len(self._partitions) < 2:
            return
        rows = self.pipeline.judge.rows
        for segments in self._all_segments:
            segments.look(self._newest, self._partitions, rows)

    def _finish(self) -> None:
        for segments in self._all_segments:
            segments.finish(self._records)

    @property
    def _all_segments(self) -> list[WatchedSegments]:
        """By the configuration, and by each lane."""
        both = (self.segments, *(lane.segments for lane in self._lanes))
        return [each for each in both if each is not None]

    def _time(self, came: NDArray[np.int64]) -> None:
        """Note when a batch came; -1 stands for what nobody knows."""
        known = came[came >= 0]
        if known.size:
            self._first = int(known[0]) if self._first is None else self._first
            self._last = int(known[-1])

    def _result(
        self, changes: tuple[TrueChange, ...] | None, places: Places, complete: bool
    ) -> Result:
        # A batch that was interrupted halfway is not counted.
        noted = tuple(n for n in self.history.noted if n.records <= self._records)
        known = {each.episode for each in noted}

        def judged(
            config: Config, noted: tuple[Noted, ...], segments: WatchedSegments | None
        ) -> Judged:
            of_segments = () if segments is None else segments.within(self._records)
            if changes is None:
                return Judged(config, noted, None, of_segments)
            alarms = alarms_of((*noted, *of_segments))
            found = compared(changes, places, alarms, self._records)
            return Judged(config, noted, found, of_segments)

        own = judged(self.config, noted, self.segments)
        return Result(
            records=self._records,
            rows=self._rows,
            anomalous=self._anomalous,
            dead=self._dead,
            first=self._first,
            last=self._last,
            judged=own,
            lanes=tuple(
                judged(each.config, each.noted(self._records), each.segments)
                for each in self._lanes
            ),
            episodes=tuple(e for e in self.history.all_episodes if e.id in known),
            segment_episodes=self._segment_episodes(own),
            requests=tuple(self._requests),
            verdict=self.pipeline.judge.verdict,
            segments=self._segments_json(),
            course=self.course,
            strangest=self._strangest,
            complete=complete,
            stopped=self._stopped,
            unlike=self._unlike,
        )

    def _segment_episodes(self, own: Judged) -> tuple[Episode, ...]:
        return () if self.segments is None else self.segments.episodes(own.of_segments)

    def _segments_json(self) -> Mapping[str, Any] | None:
        if self.segments is None:
            return None
        return segments_json(self.segments.segments, self.pipeline.judge.verdict)

    @property
    def _unlike(self) -> str:
        looked = self.model.first_rows
        return "" if looked is None or looked.finding is None else looked.finding.text

    @property
    def _stopped(self) -> str:
        if not self._limit.closed:
            return ""
        return (
            f"the daemon would have stopped reading before record {self._records:,}: more than"
            f" {self.config.dead_letters.max_share:.0%} of the last records are dead letters"
            " (dead_letters.max_share)"
        )


def _errors(outcome: Outcome) -> NDArray[np.float64]:
    """Of each record (n,), the mean of its rows; NaN where it has none."""
    found, rows = np.full(len(outcome.consumed), np.nan), outcome.rows
    some, errors = rows > 0, outcome.scores.reconstruction_error
    if errors.size > int(some.sum()):
        starts = (rows.cumsum() - rows)[some]
        errors = np.add.reduceat(errors, starts) / rows[some]
    found[some] = errors
    return found
