"""The daemon's pipeline over records of the past: no Kafka, no state, nothing published.

Model, judge, history and their settings are built by what builds the daemon's; only the codec is
left out, as a file gives rows. Every record counts as having come when it was stamped. So what is
decided is what a daemon would have decided that had read these records, and no others, from one
partition while they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.input_spec import InputSpec
from monitor.backtest.alarms import Comparison, Noted, alarms_of, compared
from monitor.backtest.course import Course
from monitor.backtest.given_rows import GivenRows, columns_of, rows_of
from monitor.backtest.times import Times
from monitor.backtest.true_changes import Places, TrueChange
from monitor.backtest.watched_history import WatchedHistory
from monitor.config import Config
from monitor.daemon.assembly.daemon import build_model
from monitor.daemon.assembly.judge import channels_of
from monitor.daemon.assembly.model import load_in_precision, set_threads
from monitor.daemon.assembly.registry import model_folder
from monitor.daemon.assembly.retraining import retraining_policy
from monitor.datasets import Dataset
from monitor.datasets.parts import regrouped
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.step import Pipeline
from monitor.process.progress import Advance
from monitor.retraining.past_episode import Episode
from monitor.retraining.request import RetrainRequest
from monitor.stream.records import Partition, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """What a daemon would have seen and said. Times are in milliseconds since the epoch.

    records: replayed. rows: scored, one each but for steps that complete no window. first, last:
    times, None if there is no record. noted: changes of state, in order. verdict: at the end.
    complete: all records were replayed; stopped: why the daemon would have read no further, or "".
    """

    records: int
    rows: int
    anomalous: int
    dead_letters: int
    first: int | None
    last: int | None
    noted: tuple[Noted, ...]
    episodes: tuple[Episode, ...]
    requests: tuple[RetrainRequest, ...]
    verdict: Verdict
    course: Course
    comparison: Comparison | None
    complete: bool
    stopped: str

    @property
    def seconds(self) -> float:
        """From the first record to the last."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1000

    @property
    def rate(self) -> float:
        """Records a second; nan if all came at once."""
        return (self.records - 1) / self.seconds if self.seconds else np.nan

    def count(self, event: str) -> int:
        """How many changes of state were this event."""
        return sum(each.event == event for each in self.noted)


class Backtest:
    """Replays records once. config: the daemon's.

    bundle: the model that it names. channels: names of what is watched beside the error. spec: of
    what the data must hold, single steps where the model takes windows. by: the column that says
    which series a step is of, or "". Raises ConfigError or BundleError as the daemon does.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.bundle: Bundle = load_in_precision(config, model_folder(config))
        set_threads(config, self.bundle)
        self.model = build_model(config, self.bundle)
        watched = channels_of(config, self.bundle)
        self.channels = () if watched is None else tuple(view.name for view in watched.each)
        spec = self.bundle.input_spec
        self.spec: InputSpec = spec if spec.window is None else spec.steps
        self.by = "" if spec.window is None else spec.window.by
        self.place = Partition(config.kafka.topic, 0)
        self.history = WatchedHistory(retraining_policy(config), self.place)
        self._given = GivenRows()
        self.pipeline = Pipeline(
            self._given, self.model.scorer, self.model.judge, history=self.history,
            series=self.model.series,
        )  # fmt: skip
        section = config.dead_letters
        self._limit = DeadLetterLimit(section.max_share, section.over_records)
        self.course = Course()
        self._requests: list[RetrainRequest] = []
        self._records = self._rows = self._anomalous = self._dead = 0
        self._first: int | None = None
        self._last: int | None = None

    def run(
        self,
        parts: Iterable[Dataset],
        source: str,
        times: Times,
        changes: tuple[TrueChange, ...] | None = None,
        advance: Advance = lambda count, share=None: None,
    ) -> Result:
        """Replay all records, or those before KeyboardInterrupt, if there were some.

        source: of the parts, for people. changes: that are known to have happened, None if
        nobody says. advance: is told how many records were replayed. Raises DataError.
        """
        places, complete = Places(changes or ()), True
        try:
            with closing(regrouped(parts, self.model.limits.max_records)) as batches:  # type: ignore[type-var]
                for data in batches:
                    self._take(data, source, times, places)
                    advance(len(data.records))
                    if self._limit.closed:
                        break
        except KeyboardInterrupt:
            if not self._records:
                raise
            complete = False
        return self._result(changes, places, complete and not self._limit.closed)

    def _take(self, data: Dataset, source: str, times: Times, places: Places) -> None:
        """Decide on a batch, and only then count it."""
        stamps = times.of(data)
        self._given.give(rows_of(data, self.spec, source))
        columns = columns_of(data, self.place, self._records, stamps, self.by)
        outcome = self.pipeline.step(columns)
        places.see(stamps, self._records)
        self.course.add(_errors(outcome))
        self._first = int(stamps[0]) if self._first is None else self._first
        self._last = int(stamps[-1])
        self._rows += outcome.scores.reconstruction_error.size
        self._anomalous += len(outcome.anomalies)
        self._dead += len(outcome.dead_letters)
        self._requests += outcome.requests
        self._limit.count(outcome)
        self._records += len(data.records)

    def _result(
        self, changes: tuple[TrueChange, ...] | None, places: Places, complete: bool
    ) -> Result:
        # A batch that was interrupted halfway is not counted.
        noted = tuple(n for n in self.history.noted if n.records <= self._records)
        known = {each.episode for each in noted}
        episodes = tuple(e for e in self.history.all_episodes if e.id in known)
        alarms = alarms_of(noted)
        comparison = None
        if changes is not None:
            comparison = compared(changes, places, alarms, self._records)
        return Result(
            records=self._records,
            rows=self._rows,
            anomalous=self._anomalous,
            dead_letters=self._dead,
            first=self._first,
            last=self._last,
            noted=noted,
            episodes=episodes,
            requests=tuple(self._requests),
            verdict=self.pipeline.judge.verdict,
            course=self.course,
            comparison=comparison,
            complete=complete,
            stopped=self._stopped,
        )

    @property
    def _stopped(self) -> str:
        if not self._limit.closed:
            return ""
        return (
            f"the daemon would have stopped reading before record {self._records:,}: more than"
            f" {self.config.dead_letters.max_share:.0%} of the last records have no finite error"
            " and are dead letters (dead_letters.max_share)"
        )


def _errors(outcome: Outcome) -> NDArray[np.float64]:
    """Of each record (n,), NaN where it has no row."""
    errors = np.full(len(outcome.consumed), np.nan)
    errors[outcome.rows > 0] = outcome.scores.reconstruction_error
    return errors
