"""From records to scores: decode and score, which need nothing of what came before.

So one batch may be scored while another is judged. A record whose payload cannot be decoded, or
with an error that is not finite, is a failure, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.explanation import Explained
from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.drift.judged_records import JudgedRecords
from monitor.errors import DecodeError
from monitor.pipeline import context_times
from monitor.pipeline.context_times import ContextTimes
from monitor.pipeline.explanations import Explanations
from monitor.pipeline.picks import Pick, Picker
from monitor.pipeline.series import Moved, Series
from monitor.stream.columns import Columns, Index
from monitor.stream.records import ChannelValues, Errors, Scores

Stage = Callable[[str], AbstractContextManager[None]]
"""Called with the name of a stage, entered while the stage runs: for timing from outside."""


class Decode(Protocol):
    """Payloads to rows (n, *record_shape), finite but for NaN where a value may be missing."""

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[Any]:
        """Rows of one payload; raises DecodeError."""

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        """Rows of many, and what is wrong with the others."""


class RowScorer(Protocol):
    """Gives rows (B, *record_shape) their scores; an error may come out non-finite."""

    def score(self, records: NDArray[Any]) -> Scores:
        """Score all rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Records, and what the model says of them.

    rows: of each record, int64 (n,), 0 for failures, and for steps that complete no window.
    scores: of all rows, in the order of their records, finite. failures: by position, why a record
    cannot be scored. moved: what the steps of series change, or None if there are no series.
    explained: of each anomalous row, in order; None if nobody asks. picks: rows to keep as
    evidence. segments: names that `segment` (n,) points into; None if the stream has none.
    """

    records: Columns
    rows: Index
    scores: Scores
    failures: Mapping[int, DecodeError]
    moved: Moved | None = None
    explained: tuple[Explained, ...] | None = None
    picks: tuple[Pick, ...] = ()
    segments: tuple[str, ...] = ()
    segment: Index | None = None

    def in_segments(self, names: tuple[str, ...], number: Index) -> Scored:
        """The same, each record in the segment with this number (n,) among the names."""
        seen = {each.seen: names[number[each.position]] for each in self.picks}
        known = {each: replace(each, segment=name) for each, name in seen.items()}
        picks = tuple(replace(each, seen=known[each.seen]) for each in self.picks)
        return replace(self, segments=names, segment=number, picks=picks)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Records that end as dead letters, bool (n,)."""
        dead = np.zeros(self.rows.size, dtype=np.bool_)
        dead[list(self.failures)] = True
        return dead

    @property
    def anomalous(self) -> Index:
        """Anomalous rows of each record, int64 (n,)."""
        if not np.logical_or.reduce(self.scores.anomalous):
            return np.zeros_like(self.rows)
        record_of_row = np.arange(self.rows.size).repeat(self.rows)
        return np.bincount(record_of_row[self.scores.anomalous], minlength=self.rows.size)

    def context_times(self) -> ContextTimes | None:
        """The time by which the errors of each record are judged; None if that is not by time."""
        if self.scores.adjust is None or self.scores.cells is not None:
            return None
        records, alive = self.records, self.rows > 0
        arrivals = None if records.arrivals is None else records.arrivals[alive]
        return context_times.of_records(records.timestamps[alive], arrivals)

    def _adjusted(self, times: ContextTimes | None) -> tuple[Errors, ChannelValues]:
        """Errors and channels of each row, as the judge is to see them."""
        scores = self.scores
        at = scores.cells
        if at is None and times is not None:
            at = times.moments.repeat(self.rows[self.rows > 0])
        if scores.adjust is None or at is None:
            return scores.reconstruction_error, scores.channels
        return scores.adjust(scores.reconstruction_error, scores.channels, at)

    def judged(self, times: ContextTimes | None = None) -> JudgedRecords:
        """What the judge sees of the records that were scored. times: of `context_times`, if those
        are known already."""
        records, rows = self.records, self.rows
        errors, channels = self._adjusted(times or self.context_times())
        if rows.size and np.minimum.reduce(rows) > 0:
            return JudgedRecords(
                self.scores.model_version,
                records.partitions,
                records.partition,
                records.offsets,
                records.next_offsets,
                records.timestamps,
                rows,
                errors,
                records.arrivals,
                channels,
                self.segments,
                self.segment,
            )
        alive = rows > 0
        return JudgedRecords(
            model_version=self.scores.model_version,
            partitions=records.partitions,
            partition=records.partition[alive],
            offsets=records.offsets[alive],
            next_offsets=records.next_offsets[alive],
            timestamps=records.timestamps[alive],
            rows=rows[alive],
            errors=errors,
            arrivals=None if records.arrivals is None else records.arrivals[alive],
            channels=channels,
            segments=self.segments,
            segment=None if self.segment is None else self.segment[alive],
        )

    def without(self, unwanted: NDArray[np.bool_]) -> Scored:
        """The same without some records, bool (n,)."""
        if not unwanted.any():
            return self
        kept = ~unwanted
        moved = {int(old): new for new, old in enumerate(kept.nonzero()[0].tolist())}
        return Scored(
            self.records.where(kept),
            self.rows[kept],
            self.scores.where(kept.repeat(self.rows)),
            {moved[i]: error for i, error in self.failures.items() if i in moved},
            None if self.moved is None else self.moved.only(self.records.where(kept).ends()),
            self._explained_where(kept.repeat(self.rows)),
            tuple(
                replace(pick, position=moved[pick.position])
                for pick in self.picks
                if pick.position in moved
            ),
            self.segments,
            None if self.segment is None else self.segment[kept],
        )

    def _explained_where(self, kept: NDArray[np.bool_]) -> tuple[Explained, ...] | None:
        """Of the rows (R,) that are kept."""
        if self.explained is None:
            return None
        wanted = kept[self.scores.anomalous].tolist()
        return tuple(compress(self.explained, wanted))


def score(
    records: Columns,
    decode: Decode,
    scorer: RowScorer,
    stage: Stage,
    series: Series | None = None,
    explanations: Explanations | None = None,
    picker: Picker | None = None,
) -> Scored:
    """Decode and score records, one or more.

    series: makes windows of their steps, or None. explanations: of anomalies, or None. picker: of
    rows that are kept as evidence, or None.
    """
    moved = None
    with stage("decode"):
        decoded = decode.all(records.values, records.headers)
        if series is not None:
            decoded, moved = series.windows(records, decoded)
        failures = dict(decoded.failures)
        for i, gap in records.gaps.items():
            failures[i] = DecodeError(gap.reason, gap.error)
    with stage("score"):
        if not len(decoded.rows):
            return Scored(records, decoded.counts, Scores.empty(""), failures, moved)
        scores = scorer.score(decoded.rows)
        finite = np.isfinite(scores.reconstruction_error)
        rows = decoded.rows
        if finite.all():
            found = Scored(records, decoded.counts, scores, failures, moved)
        else:
            found, rows = _finite_only(records, decoded, scores, finite, failures)
            found = replace(found, moved=moved)
    if picker is not None and found.scores.reconstruction_error.size:
        picks = picker.pick(records, found.rows, rows, found.scores)
        found = replace(found, picks=tuple(picks)) if picks else found
    if explanations is None or not found.scores.anomalous.any():
        return found
    with stage("explain"):
        explained = explanations.of(rows, found.scores.anomalous, records.arrivals)
        return replace(found, explained=explained)


def _finite_only(
    records: Columns,
    decoded: Decoded,
    scores: Scores,
    finite: NDArray[np.bool_],
    failures: dict[int, DecodeError],
) -> tuple[Scored, NDArray[Any]]:
    """What is left, and its rows: a record with an error that is not finite is out, whole."""
    rows = decoded.counts
    record_of_row = np.arange(rows.size).repeat(rows)
    lost = np.zeros(rows.size, dtype=np.bool_)
    lost[record_of_row[~finite]] = True
    text = "the model's reconstruction error is not finite: values far outside its range"
    for i in lost.nonzero()[0].tolist():
        failures[i] = DecodeError("non_finite_error", text)
    kept = ~lost.repeat(rows)
    left = Scored(records, np.where(lost, 0, rows), scores.where(kept), failures)
    return left, decoded.rows[kept]
