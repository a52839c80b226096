"""Replays records through model and judge: unchanged, and with changes of the records.

What comes before a change is drawn from records that were scored once, for nobody changes them;
what comes after it is scored as it is drawn. A judge that has seen nothing is brought to the
moment of the change once a repeat, and copied for each change.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.channels import Channels
from monitor.drift.channels.findings import ERROR, time_words
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.simulation import (
    AFTER,
    BEFORE,
    START,
    FalseAlarms,
    drawn_places,
    in_stream_order,
)
from monitor.pipeline.changes.change import Change, Records
from monitor.pipeline.feeding import feed
from monitor.pipeline.scorer import Scorer
from monitor.stream.records import Scores, Verdict

BATCH: Final = 1024
"""Records scored at a time, at most."""
ELEMENTS: Final = 1 << 22
"""Numbers scored at a time, at most, but for one record."""
PART: Final = 1 << 14
"""Scores judged at a time, at most, but for one block."""
MOST_BEFORE: Final = 1 << 18
"""Normal records before a change, at most, where the judge still learns how far they depend."""

Index = NDArray[np.int64]
Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Found:
    """A drift that was found. records: from the change to the alarm. kind: error or input.
    channel: the one named first, or "" where none is. named: whether that is of what was changed;
    None where no channel is. sentence: of the verdict."""

    records: int
    kind: str
    channel: str
    named: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change in each repeat; None where it was not found. unscored: share of the
    changed records that have no finite error, which are dead letters to the daemon."""

    change: str
    repeats: tuple[Found | None, ...]
    unscored: float

    @property
    def delays(self) -> NDArray[np.float64]:
        """Records from the change to the alarm, (repeats,); inf where it was not found."""
        return np.array([math.inf if each is None else each.records for each in self.repeats])

    @property
    def found(self) -> tuple[Found, ...]:
        """Of the repeats in which it was found."""
        return tuple(each for each in self.repeats if each is not None)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of all changes. restless: repeats left out because an alarm came before the
    change; restless_sentence: what the first of these said, or ""."""

    outcomes: tuple[Outcome, ...]
    restless: int
    restless_sentence: str


@dataclass(frozen=True)
class Replay:
    """Normal records, a model, and what judges.

    scorer: computes `channels`, too, if there are any. records: (n, *record_shape), held out from
    training and calibration. scores: of them, finite. block: consecutive records drawn together,
    if they are in stream order. rate: records a second. moments: int64 (n,), the time of each
    record in milliseconds since the epoch, by which errors are judged if the model knows the hour.
    """

    scorer: Scorer
    channels: Channels | None
    settings: JudgeSettings
    records: Records
    scores: Scores
    block: int
    rate: float
    moments: Index | None = None

    def adjusted(self, scores: Scores, places: Index) -> Scores:
        """Scores as they are judged. places: of their records."""
        at = scores.cells
        if at is None and self.moments is not None:
            at = self.moments[places]
        if scores.adjust is None or at is None:
            return scores
        found = scores.adjust(scores.reconstruction_error, scores.channels, at)
        return replace(scores, reconstruction_error=found[0], channels=found[1])

    @property
    def drawn_together(self) -> int:
        """Consecutive records drawn together: 1 where their order is not that of a stream."""
        ordered = in_stream_order(self.scores.reconstruction_error)
        return min(self.block, len(self.records)) if ordered else 1

    def judge(self) -> Judge:
        """One that has seen nothing; ValueError if reference or channels are too small for it."""
        bundle = self.scorer.bundle
        return Judge(bundle.version, bundle.judged, self.settings, self.channels)

    def false_alarms(self, records: int, seed: int, advance: Advance) -> FalseAlarms:
        """Judge a long stream without drift. advance: is told how many records were judged."""
        rng = np.random.default_rng([seed, 0])
        stream = feed(self.judge(), self._normal(records, rng, advance), self.rate)
        events = [turn.transition.event for _, turn in stream]
        return FalseAlarms(records, events.count("transient"), events.count("firing"))

    def replayed(
        self, changes: Sequence[Change], repeats: int, seed: int, advance: Advance
    ) -> Replayed:
        """Find each change `repeats` times. advance: told of AFTER records a change and repeat."""
        outcomes: list[list[Found | None]] = [[] for _ in changes]
        scored, unscored = Counter[str](), Counter[str]()
        restless = list[str]()
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, 1 + repeat])
            judge, alarm = self._before(rng)
            places = drawn_places(len(self.records), self.drawn_together, AFTER, rng)
            if alarm is not None:
                restless.append(alarm.explanation)
                advance(AFTER * len(changes))
                continue
            for change, found in zip(changes, outcomes, strict=True):
                stream = _Stream(self, change, places, [seed, 1 + repeat, 1])
                found.append(self._found(copy.deepcopy(judge), change, stream, advance))
                scored[change.text] += stream.scored
                unscored[change.text] += stream.unscored
        return Replayed(
            tuple(
                Outcome(
                    change.text, tuple(found), unscored[change.text] / max(scored[change.text], 1)
                )
                for change, found in zip(changes, outcomes, strict=True)
            ),
            len(restless),
            next(iter(restless), ""),
        )

    def _before(self, rng: np.random.Generator) -> tuple[Judge, Verdict | None]:
        """A judge at the moment of a change, and the verdict of a false alarm before it."""
        judge, wanted = self.judge(), BEFORE - int(rng.integers(256))
        while wanted:
            for _, turn in feed(judge, self._normal(wanted, rng, lambda count: None), self.rate):
                if turn.transition.event == "firing":
                    return judge, turn.verdict
            wanted = 0 if judge.detector.ready or judge.rows >= MOST_BEFORE else PART
        return judge, None

    def _normal(self, records: int, rng: np.random.Generator, advance: Advance) -> Iterator[Scores]:
        """Scores of a stream without drift."""
        block = self.drawn_together
        size = max(1, PART // block) * block
        for start in range(0, records, size):
            count = min(size, records - start)
            places = drawn_places(len(self.records), block, count, rng)
            yield self.adjusted(_taken(self.scores, places), places)
            advance(count)

    def _found(
        self, judge: Judge, change: Change, stream: _Stream, advance: Advance
    ) -> Found | None:
        first = judge.rows
        for offset, turn in feed(judge, stream, self.rate):
            if turn.transition.event == "firing":
                advance(AFTER)
                return _of(turn.verdict, change, offset - first, first, self.rate)
        advance(AFTER)
        return None


class _Stream:
    """Scores of changed records. seed: of what the change draws. scored, unscored: how many
    records were, and how many of them have no finite error."""

    def __init__(self, replay: Replay, change: Change, places: Index, seed: list[int]) -> None:
        self._replay, self._places = replay, places
        rng = np.random.default_rng(seed)
        # Any record is as likely as any other to be the last normal one.
        last = np.asarray(replay.records[rng.integers(len(replay.records))])
        self._step = change.begin(last, rng)
        self.scored = self.unscored = 0

    def __iter__(self) -> Iterator[Scores]:
        records = self._replay.records
        size = max(1, min(BATCH, ELEMENTS // math.prod(records.shape[1:])))
        for start in range(0, self._places.size, size):
            places = self._places[start : start + size]
            changed = self._step(np.asarray(records[places]))
            scores = self._replay.adjusted(self._replay.scorer.score(changed), places)
            self.scored += len(changed)
            self.unscored += int((~np.isfinite(scores.reconstruction_error)).sum())
            yield scores


def _taken(scores: Scores, places: Index) -> Scores:
    """The scores of some records, in this order."""
    channels: NDArray[Any] | None = scores.channels
    return Scores(
        scores.reconstruction_error[places],
        scores.p_values,
        scores.anomalous[places],
        scores.model_version,
        None if channels is None else channels[places],
        scores.adjust,
        None if scores.cells is None else scores.cells[places],
    )


def _of(verdict: Verdict, change: Change, records: int, before: int, rate: float) -> Found:
    """records: since the change; before: until then."""
    first = next(iter(verdict.channels), None)
    named = None if first is None or not change.names else first.feature in change.names
    sentence = verdict.explanation
    for each in verdict.channels:
        # The time of a stream that never was tells nobody anything.
        since = round((each.since - START) * rate / 1000) - before
        side = "after" if since >= 0 else "before"
        words = f"{abs(since):,} records {side} the change" if since else "the change"
        sentence = sentence.replace(time_words(each.since), words)
    kind, channel = verdict.kind or ERROR, "" if first is None else first.channel
    return Found(records, kind, channel, named, sentence)
