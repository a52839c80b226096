"""The whole decision, from records to what must be published: no I/O, no clock, no thread.

    records -> decode -> score -> anomalies, judge -> Outcome

Every record ends in exactly one of two places: scored, or a dead letter with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Final

from monitor.drift.handover import handover
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.segmented import Segments
from monitor.errors import DecodeError
from monitor.pipeline.explanations import Explanations
from monitor.pipeline.outcome import Late, Outcome
from monitor.pipeline.picks import Picker
from monitor.pipeline.scored import Decode, RowScorer, Scored, Stage, score
from monitor.pipeline.segmented import SegmentedStream, Told
from monitor.pipeline.series import Series
from monitor.pipeline.series_notes import Steps
from monitor.pipeline.withheld import Withheld
from monitor.retraining.history import BEGUN_ANEW, REPLACED, History
from monitor.retraining.request import RetrainRequest
from monitor.state.ledger import Ledger
from monitor.stream.columns import Columns
from monitor.stream.records import Alert, Anomaly, DeadLetter, Record

MEMORY_SCHEMA: Final = "memory-1"


class Pipeline:
    """Turns batches of records into outcomes.

    decode: payloads to rows. scorer: rows to scores. judge: errors to verdict. history:
    remembers episodes and asks for new models. series: makes windows of the steps of series, or
    None. explanations: of anomalies, or None. picker: of rows that people may look at, or None; it
    changes nothing else. pages: see `alert_json`. segmented: judges segments of the stream beside
    the whole, or None. handovers: the ends of drift episodes of another model, that are still to be
    told.
    """

    def __init__(
        self,
        decode: Decode,
        scorer: RowScorer,
        judge: Judge,
        stage: Stage = lambda name: nullcontext(),
        history: History | None = None,
        series: Series | None = None,
        explanations: Explanations | None = None,
        picker: Picker | None = None,
        pages: str = "",
        segmented: SegmentedStream | None = None,
    ) -> None:
        self._decode = decode
        self._scorer = scorer
        self.judge = judge
        self.history = history or History()
        self.ledger = Ledger()
        self.pages = pages
        self.withheld = Withheld(pages)
        self.series = series
        self._explanations = explanations
        self._picker = picker
        self._stage = stage
        self.segmented = segmented
        if segmented is not None:
            self.history.segments = lambda: segmented.history.firing()
        self._blank = self.memory()
        self.handovers: list[Change] = []

    def step(self, records: Columns) -> Outcome:
        """Decide on some records, one or more, each partition's in offset order."""
        return self.decide(self.score(records))

    def score(self, records: Columns) -> Scored:
        """Decode and score records with the model in use: one batch at a time, on any thread."""
        scored = score(
            records, self._decode, self._scorer, self._stage, self.series, self._explanations,
            self._picker,
        )  # fmt: skip
        return scored if self.segmented is None else self.segmented.named(scored)

    def steps(self, record: Record) -> Iterator[Steps]:
        """What a record holds that is read again for its series; nothing if it is not readable."""
        try:
            rows = self._decode(record.value, record.headers)
        except DecodeError:
            return  # told when it was read first
        yield Steps(record.key or b"", record.offset, rows)

    def decide(self, scored: Scored, mute: str | None = None) -> Outcome:
        """Judge and count records that were scored by the model in use.

        mute: the reason for which no drift alert may leave now, and no model is asked for.
        """
        late = () if mute is not None else self.late()
        with self._stage("judge"):
            times = scored.context_times()
            changes, requests, replayed = self._judge(scored.judged(times), mute)
            changes, withheld = self.withheld.through(changes, mute)
            of_segments, more = self._of_segments(mute)
            anomalous = scored.anomalous
            dead = None
            if self.series is not None and scored.moved is not None:
                self.series.decide(scored.moved)
                dead = scored.dead
            self.ledger.count(scored.records, scored.rows, anomalous, dead)
        return Outcome(
            consumed=scored.records,
            rows=scored.rows,
            scores=scored.scores,
            dead_letters=tuple(_dead_letters(scored)),
            anomalies=tuple(_anomalies(scored)) if anomalous.any() else (),
            changes=tuple(changes),
            replayed_rows=replayed,
            requests=tuple(requests),
            picks=scored.picks,
            late=late,
            withheld=(*withheld, *more),
            times=times,
            segment_changes=tuple(of_segments),
        )

    def _of_segments(self, mute: str | None) -> Told:
        return ([], []) if self.segmented is None else self.segmented.told(mute)

    @property
    def waits(self) -> bool:
        """Whether rows of segments wait for more, see `rest`."""
        return self.segmented is not None and self.segmented.segments.waiting

    def rest(self, mute: str | None = None) -> Told:
        """Judge rows of segments that wait for more, since nothing comes; what may leave of it."""
        return ([], []) if self.segmented is None else self.segmented.rest(mute)

    def late(self) -> tuple[Late, ...]:
        """The alerts that were withheld and may leave now that nothing is muted, each once.

        None before the end of another model's episode is told: it may be the end of one of them.
        """
        if self.handovers:
            return ()
        lasting = self.history.open
        late = self.withheld.release(None if lasting is None else lasting.id)
        if self.segmented is not None and self.segmented.withheld:
            late += self.segmented.withheld.release(*self.segmented.lasting)
        return late

    def end_told(self, change: Change, mute: str | None) -> tuple[Change, list[Alert]]:
        """The end of another model's episode as it may leave, and the alert withheld of it."""
        if self.segmented is not None and change.verdict.segment:
            (let,), withheld = self.segmented.end_told(change, mute)
            return let, withheld
        (let,), withheld = self.withheld.through([change], mute)
        if withheld and mute is not None:
            self.history.remember_muted(mute)
        return let, withheld

    def memory(self) -> bytes:
        """All that is remembered of the stream: the judge, and what was counted."""
        state: dict[str, Any] = {
            "judge": self.judge.state(),
            "ledger": self.ledger.state(),
            "chronicle": self.history.state(),
        }
        if self.series is not None:
            state["series"] = self.series.state()
        if self.withheld:
            state["withheld"] = self.withheld.state()
        if self.segmented is not None:
            state["segments"] = self.segmented.state()
        return encode(state, MEMORY_SCHEMA)

    def recall(self, memory: bytes) -> None:
        """Go on where `memory` was called. Raises ValueError if the bytes are of anything else.

        Of another model's memory only the totals are taken: the judge begins anew.
        """
        state = decode(memory, MEMORY_SCHEMA)
        judged = state["judge"]
        self.ledger.restore(state["ledger"])
        if "chronicle" in state:  # snapshots of before had none
            self.history.restore(state["chronicle"])
        if self.series is not None:
            self.series.restore(state.get("series"))
        self.withheld.restore(state.get("withheld", ()))
        self.handovers = []
        ends = [] if self.segmented is None else self.segmented.restore(state.get("segments"))
        if judged["model_version"] == self.judge.model_version:
            self.judge.restore(judged)
            return
        self._blank_judge()
        self.history.end_open_episode(REPLACED, judged["clock"])
        end = handover(judged, self.judge)
        if end is not None:
            self.history.remember(end)
            ends.insert(0, end)
        self.handovers = ends

    def inherit(self, memory: bytes) -> None:
        """Go on after a stream that was judged by other settings: its history stays."""
        state = decode(memory, MEMORY_SCHEMA)
        self.history.inherit(state)
        self.withheld.restore(state.get("withheld", ()))
        if self.segmented is not None and "segments" in state:
            self.segmented.inherit(state["segments"], BEGUN_ANEW)

    def replace(
        self,
        decode: Decode,
        scorer: RowScorer,
        judge: Judge,
        series: Series | None = None,
        explanations: Explanations | None = None,
        picker: Picker | None = None,
        segments: Segments | None = None,
    ) -> None:
        """Use another model from the next step on; the totals stay, and series of equal windows."""
        if series is not None and self.series is not None:
            series.restore(self.series.state())
        self.series = series
        self.history.end_open_episode(REPLACED, self.judge.state()["clock"])
        self._decode, self._scorer, self.judge = decode, scorer, judge
        self._explanations, self._picker = explanations, picker
        if self.segmented is not None and segments is not None:
            self.segmented.replace(segments)
        self._blank = self.memory()

    def begin_anew(self) -> None:
        """Forget the stream, but for where to go on with each partition."""
        self.ledger.forget_totals()
        if self.series is not None:
            self.series.forget()
        self.history.end_open_episode(BEGUN_ANEW, self.judge.state()["clock"])
        if self.segmented is not None:
            self.segmented.forget(BEGUN_ANEW)
        self._blank_judge()

    def begin_another_topic(self) -> None:
        """Forget the stream, and where to go on with it: the offsets were of another topic."""
        self.ledger.forget()
        self.begin_anew()

    def _blank_judge(self) -> None:
        self.judge.restore(decode(self._blank, MEMORY_SCHEMA)["judge"])

    def _judge(
        self, judged: JudgedRecords, mute: str | None
    ) -> tuple[list[Change], list[RetrainRequest], int]:
        """Give the judge what it has not counted, block by block in arrival order.

        Returns the changes, the requests, and how many rows it had counted before.
        """
        changes: list[Change] = []
        requests: list[RetrainRequest] = []

        def note(came: list[Change], newest: int) -> None:
            if self.segmented is not None:
                self.segmented.note(self.judge.rows, mute)
            requests.extend(self.history.note(self.judge, came, newest, mute))
            changes.extend(came)

        if self.segmented is not None and len(judged):
            self.segmented.watch(self.judge.uncounted(judged), self.judge.rows)
        calm_until = self.history.calm_until
        replayed = self.judge.watch(judged, note, calm_until) if len(judged) else 0
        return changes, requests, replayed


def _dead_letters(scored: Scored) -> Iterator[DeadLetter]:
    for i, error in sorted(scored.failures.items()):
        yield DeadLetter(scored.records.record(i), error.reason, str(error))


def _anomalies(scored: Scored) -> Iterator[Anomaly]:
    """The rows above the threshold."""
    scores, ends = scored.scores.where(scored.scores.anomalous), scored.rows.cumsum()
    rows = scored.scores.anomalous.nonzero()[0].tolist()
    errors, p_values = scores.reconstruction_error.tolist(), scores.p_value.tolist()
    explained = scored.explained or [None] * len(rows)
    for row, error, p_value, why in zip(rows, errors, p_values, explained, strict=True):
        i = int(ends.searchsorted(row, side="right"))
        yield Anomaly(
            record=scored.records.record(i),
            row=row - int(ends[i] - scored.rows[i]),
            reconstruction_error=error,
            p_value=p_value,
            explained=why,
        )
