"""What one step of the pipeline decided."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.drift.judge import Change
from monitor.retraining.request import RetrainRequest
from monitor.stream.records import Anomaly, DeadLetter, Partition, Record, Scores, Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step decided. All lists are in arrival order.

    scored: the records that were scored. replayed_rows: rows scored again that the judge had
    already counted. next_offsets: what to commit once everything here is published. requests:
    for a new model.
    """

    consumed: tuple[Record, ...]
    scored: tuple[Record, ...]
    scores: Scores
    dead_letters: tuple[DeadLetter, ...]
    anomalies: tuple[Anomaly, ...]
    changes: tuple[Change, ...]
    verdict: Verdict
    replayed_rows: int
    next_offsets: dict[Partition, int]
    requests: tuple[RetrainRequest, ...] = ()
