"""The whole decision, from records to what must be published: no I/O, no clock, no thread.

    records -> decode -> score -> anomalies, summaries -> judge -> Outcome

Every record ends in exactly one of two places: scored, or a dead letter with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.distribution import bucket_index
from monitor.drift.handover import handover
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_state import decode, encode
from monitor.errors import DecodeError
from monitor.pipeline.outcome import Outcome
from monitor.retraining.history import BEGUN_ANEW, REPLACED, History
from monitor.retraining.request import RetrainRequest
from monitor.state.ledger import Ledger
from monitor.stream.records import (
    Anomaly,
    Batch,
    DeadLetter,
    Partition,
    Record,
    Scores,
    Summary,
)

MEMORY_SCHEMA: Final = "memory-1"
Decode = Callable[[bytes | None], NDArray[np.generic]]
"""A payload to rows (n, *record_shape), all finite; raises DecodeError."""
Stage = Callable[[str], AbstractContextManager[None]]
"""Called with the name of a stage, entered while the stage runs: for timing from outside."""


class RowScorer(Protocol):
    """Gives rows (B, *record_shape) their scores; an error may come out non-finite."""

    def score(self, records: NDArray[np.generic]) -> Scores:
        """Score all rows."""


class Pipeline:
    """Turns batches of records into outcomes.

    decode: payload to rows. scorer: rows to scores. judge: summaries to verdict. history:
    remembers episodes and asks for new models. handover: the end of a drift episode of another
    model, that is still to be told, or None.
    """

    def __init__(
        self,
        decode: Decode,
        scorer: RowScorer,
        judge: Judge,
        stage: Stage = lambda name: nullcontext(),
        history: History | None = None,
    ) -> None:
        self._decode = decode
        self._scorer = scorer
        self.judge = judge
        self.history = history or History()
        self.ledger = Ledger()
        self._stage = stage
        self._blank = self.memory()
        self.handover: Change | None = None

    def step(self, records: Sequence[Record]) -> Outcome:
        """Decide on some records, one or more, each partition's in offset order."""
        with self._stage("decode"):
            batch, undecodable = self._decode_all(records)
        with self._stage("score"):
            batch, scores, unscorable = self._score(batch)
        with self._stage("judge"):
            changes, requests, replayed = self._judge(batch, scores)
            verdict = self.judge.verdict
        dead_letters = _in_order([*undecodable, *unscorable], records)
        self.ledger.count(tuple(records), dead_letters, _rows(batch, scores))
        return Outcome(
            consumed=tuple(records),
            scored=batch.records,
            scores=scores,
            dead_letters=dead_letters,
            anomalies=tuple(_anomalies(batch, scores)),
            changes=tuple(changes),
            verdict=verdict,
            replayed_rows=replayed,
            next_offsets={record.source: record.next_offset for record in records},
            requests=tuple(requests),
        )

    def memory(self) -> bytes:
        """All that is remembered of the stream: the judge, and what was counted."""
        parts = (("judge", self.judge), ("ledger", self.ledger), ("chronicle", self.history))
        return encode({name: part.state() for name, part in parts}, MEMORY_SCHEMA)

    def recall(self, memory: bytes) -> None:
        """Go on where `memory` was called. Raises ValueError if the bytes are of anything else.

        Of another model's memory only the totals are taken: the judge begins anew.
        """
        state = decode(memory, MEMORY_SCHEMA)
        judged = state["judge"]
        self.ledger.restore(state["ledger"])
        if "chronicle" in state:  # snapshots of before had none
            self.history.restore(state["chronicle"])
        self.handover = None
        if judged["model_version"] == self.judge.model_version:
            self.judge.restore(judged)
            return
        self._blank_judge()
        self.history.end_open_episode(REPLACED, judged["clock"])
        self.handover = handover(judged, self.judge)

    def replace(self, decode: Decode, scorer: RowScorer, judge: Judge) -> None:
        """Use another model from the next step on; the totals stay."""
        self.history.end_open_episode(REPLACED, self.judge.state()["clock"])
        self._decode, self._scorer, self.judge = decode, scorer, judge
        self._blank = self.memory()

    def begin_anew(self) -> None:
        """Forget the stream, but for where to go on with each partition."""
        self.ledger.forget_totals()
        self.history.end_open_episode(BEGUN_ANEW, self.judge.state()["clock"])
        self._blank_judge()

    def _blank_judge(self) -> None:
        self.judge.restore(decode(self._blank, MEMORY_SCHEMA)["judge"])

    def _decode_all(self, records: Sequence[Record]) -> tuple[Batch, list[DeadLetter]]:
        decoded: list[NDArray[np.generic]] = []
        good: list[Record] = []
        bad: list[DeadLetter] = []
        for record in records:
            if record.gap is not None:
                bad.append(DeadLetter(record, record.gap.reason, record.gap.error))
                continue
            try:
                decoded.append(self._decode(record.value))
                good.append(record)
            except DecodeError as error:
                bad.append(DeadLetter(record, error.reason, str(error)))
        counts = np.array([len(rows) for rows in decoded], dtype=np.int64)
        rows = np.concatenate(decoded) if decoded else np.empty((0,))
        return Batch(rows, np.repeat(np.arange(len(good)), counts), tuple(good)), bad

    def _score(self, batch: Batch) -> tuple[Batch, Scores, list[DeadLetter]]:
        """Score the rows; a record with any non-finite error is taken out whole."""
        if not batch.records:
            return batch, Scores.empty(self.judge.model_version), []
        scores = self._scorer.score(batch.rows)
        finite = np.isfinite(scores.reconstruction_error)
        if finite.all():
            return batch, scores, []
        lost = set(batch.record_of_row[~finite].tolist())
        error = "the model's reconstruction error is not finite: values far outside its range"
        bad = [DeadLetter(batch.records[i], "non_finite_error", error) for i in sorted(lost)]
        return *_without(batch, scores, lost), bad

    def _judge(
        self, batch: Batch, scores: Scores
    ) -> tuple[list[Change], list[RetrainRequest], int]:
        """Give the judge what it has not counted, block by block in arrival order.

        Returns the changes, the requests, and how many rows it had counted before.
        """
        new, counts = self._uncounted(batch)
        timestamps = np.array([record.timestamp for record in batch.records], dtype=np.int64)
        first_row = np.concatenate([[0], np.cumsum(counts)])
        buckets = bucket_index(scores.reconstruction_error / self.judge.unit)
        changes: list[Change] = []
        requests: list[RetrainRequest] = []
        position = 0
        while position < new.size:
            rest = new[position:]
            taken = rest[: self.judge.records_to_end(counts[rest], timestamps[rest])]
            position += taken.size
            summaries = _summaries(batch, taken, first_row, buckets, scores.model_version)
            came = self.judge.add(*summaries)
            requests.extend(self.history.note(self.judge, came, int(timestamps[taken].max())))
            changes.extend(came)
        return changes, requests, int(first_row[-1] - counts[new].sum())

    def _uncounted(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the records that the judge has not counted, and the rows of every record."""
        counts = np.bincount(batch.record_of_row, minlength=len(batch.records))
        expected: dict[Partition, int] = {}
        new = []
        for index, record in enumerate(batch.records):
            partition = record.source
            if partition not in expected:
                expected[partition] = self.judge.next_offset(partition)
            if record.offset >= expected[partition]:
                expected[partition] = record.next_offset
                new.append(index)
        return np.array(new, dtype=np.int64), counts


def _without(batch: Batch, scores: Scores, lost: set[int]) -> tuple[Batch, Scores]:
    """Batch and scores without the records of these indices."""
    kept = np.array([i not in lost for i in range(len(batch.records))])
    keep_row = kept[batch.record_of_row]
    index = np.cumsum(kept) - 1
    return (
        Batch(
            rows=batch.rows[keep_row],
            record_of_row=index[batch.record_of_row[keep_row]],
            records=tuple(r for r, keep in zip(batch.records, kept, strict=True) if keep),
        ),
        Scores(
            scores.reconstruction_error[keep_row],
            scores.p_value[keep_row],
            scores.anomalous[keep_row],
            scores.model_version,
        ),
    )


def _summaries(
    batch: Batch,
    taken: NDArray[np.int64],
    first_row: NDArray[np.int64],
    buckets: NDArray[np.int64],
    model_version: str,
) -> Iterator[Summary]:
    """One summary for each partition, of the records with these indices, in arrival order.

    first_row: of each record, and one past the last. buckets: of the error of each row.
    """
    by_partition: dict[Partition, list[int]] = {}
    for index in taken.tolist():
        by_partition.setdefault(batch.records[index].source, []).append(index)
    for partition, indices in by_partition.items():
        records = [batch.records[index] for index in indices]
        rows = np.concatenate([np.arange(first_row[i], first_row[i + 1]) for i in indices])
        yield Summary(
            model_version=model_version,
            partition=partition,
            first_offset=records[0].offset,
            next_offset=records[-1].next_offset,
            first_timestamp=records[0].timestamp,
            last_timestamp=max(record.timestamp for record in records),
            errors=BucketCounts.from_buckets(buckets[rows]),
        )


def _rows(batch: Batch, scores: Scores) -> dict[int, tuple[int, int]]:
    """Rows, and anomalous rows, by the id of their record."""
    number = len(batch.records)
    rows = np.bincount(batch.record_of_row, minlength=number).tolist()
    anomalous = np.bincount(batch.record_of_row[scores.anomalous], minlength=number).tolist()
    return {id(r): (rows[i], anomalous[i]) for i, r in enumerate(batch.records)}


def _anomalies(batch: Batch, scores: Scores) -> Iterator[Anomaly]:
    """The rows above the threshold."""
    for row in np.flatnonzero(scores.anomalous).tolist():
        index = int(batch.record_of_row[row])
        yield Anomaly(
            record=batch.records[index],
            row=row - int(np.searchsorted(batch.record_of_row, index)),
            reconstruction_error=float(scores.reconstruction_error[row]),
            p_value=float(scores.p_value[row]),
        )


def _in_order(letters: Iterable[DeadLetter], records: Sequence[Record]) -> tuple[DeadLetter, ...]:
    """Dead letters in the order in which their records arrived."""
    position = {id(record): i for i, record in enumerate(records)}
    return tuple(sorted(letters, key=lambda letter: position[id(letter.record)]))
