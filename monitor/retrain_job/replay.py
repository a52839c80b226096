"""The newest records replayed through the judge with a candidate: would it call them drift?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.simulation import BEFORE, Simulation, feed
from monitor.retrain_job.evaluation import Errors
from monitor.retrain_job.ranges import BLOCK


@dataclass(frozen=True, slots=True)
class Replay:
    """What the judge made of the records.

    state: as of the last one; unusable if there can be no judge with this model. drift_at: records
    after which drift was called, None if it never was. explanation: in words.
    """

    state: str
    records: int
    drift_at: int | None
    explanation: str


def judged_errors(
    bundle: Bundle, errors: Errors, rows: NDArray[Any], timestamps: NDArray[np.int64]
) -> Errors:
    """Errors (n,) as the judge is to see them.

    rows: the records, (n, *record_shape). timestamps: of these, in milliseconds.
    """
    if bundle.context is None:
        return errors
    column = bundle.column
    return bundle.context.adjusted(errors, timestamps if column is None else column.of(rows))


def replay(bundle: Bundle, errors: Errors, settings: JudgeSettings, rate: float) -> Replay:
    """Judge errors of consecutive records, as `judged_errors` gives them, `rate` a second.

    Calibration errors come first, drawn in blocks, so that the judge has learned what is normal.
    Without the guard against bursts: the records are few, and it could outlast them.
    """
    settings = replace(settings, guard_seconds=0)
    reference = bundle.judged
    known = reference.errors if reference.in_order is None else reference.in_order
    try:
        judge = Judge(bundle.version, reference, settings)
    except ValueError as error:
        return Replay("unusable", len(errors), None, str(error))
    simulation = Simulation(reference, settings, known, BLOCK, rate)
    normal = simulation.normal(BEFORE, np.random.default_rng(0))
    drift_at, explanation = None, ""
    for records, change in feed(judge, np.concatenate([normal, errors]), rate):
        if change.transition.event == "firing" and drift_at is None and records > BEFORE:
            drift_at, explanation = records - BEFORE, change.verdict.explanation
    verdict = judge.verdict
    return Replay(verdict.state, len(errors), drift_at, explanation or verdict.explanation)
