"""One retraining in order: hold out, mix, trim, train, evaluate both, ask the gates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.bundle import Bundle
from models.context_column import PREFIX
from models.context_stages import AUTO
from models.training import Listener
from monitor.config.gates import GateConfig
from monitor.datasets.fitting import in_type
from monitor.drift.judge_settings import JudgeSettings
from monitor.pipeline.scorer import Scorer
from monitor.retrain_job import broken_input, gates
from monitor.retrain_job.candidate import Candidate, Mixture, hold_out, material, train
from monitor.retrain_job.comparison import Before, Labelled
from monitor.retrain_job.evaluation import Evaluation, evaluate
from monitor.retrain_job.gates import Gate
from monitor.retrain_job.reading import Stretch
from monitor.retrain_job.replay import Replay, judged_errors, replay
from monitor.retrain_job.settings import inherited_roles, settings_for

RATE: float = 500.0
"""Records a second where the timestamps do not tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What there is to learn from and to compare with.

    current: the model in service. drifted: the stretch to learn. source: what the stretch is, for
    the model card. rate: records a second of the stream.
    """

    current: Bundle
    drifted: Stretch
    before: Before | None
    labelled: Labelled | None
    source: str
    rate: float = RATE


@dataclass(frozen=True, slots=True)
class Choices:
    """How to go about it. settings: a file of training settings, or None."""

    mixture: Mixture
    gates: GateConfig
    judge: JudgeSettings
    settings: Path | None = None
    device: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The candidate, both models' evaluations, and what the gates say. held_out: newest records."""

    candidate: Candidate
    current: Evaluation
    evaluation: Evaluation
    replay: Replay
    gates: tuple[Gate, ...]
    learned: Stretch
    held_out: Stretch

    @property
    def passed(self) -> bool:
        """True if the candidate may replace the current model."""
        return gates.passed(self.gates)


def rate_of(stretch: Stretch, offsets: int) -> float:
    """Records a second, of so many offsets that the stretch was chosen from."""
    known = stretch.timestamps[stretch.timestamps >= 0]
    seconds = float(np.ptp(known)) / 1000 if known.size else 0.0
    return max(offsets, len(stretch)) / seconds if seconds > 0 else RATE


def retrain(
    inputs: Inputs, choices: Choices, out: Path, progress: Listener | None = None
) -> Result:
    """Train a candidate at `out` and ask the gates. Raises UserError for data that do not do."""
    spec = inputs.current.input_spec
    drifted = replace(inputs.drifted, rows=in_type(inputs.drifted.rows, spec))
    learned, held_out = hold_out(drifted, choices.mixture.held_out)
    candidate = _train(inputs, choices, learned, out, progress)
    current, evaluation = (
        evaluate(Scorer(bundle, choices.device), held_out.rows, inputs.before, inputs.labelled)
        for bundle in (inputs.current, candidate.bundle)
    )
    recent = evaluation.recent.errors
    errors = judged_errors(candidate.bundle, recent, held_out.rows, held_out.timestamps)
    drift = replay(candidate.bundle, errors, choices.judge, inputs.rate)
    signs = _signs(inputs, choices.gates, (learned, held_out), (current, evaluation))
    decided = gates.decide(current, evaluation, drift, signs, choices.gates)
    return Result(candidate, current, evaluation, drift, decided, learned, held_out)


def _train(
    inputs: Inputs, choices: Choices, learned: Stretch, out: Path, progress: Listener | None
) -> Candidate:
    mixture, spec = choices.mixture, inputs.current.input_spec
    old = None if inputs.before is None else in_type(inputs.before.rows, spec)
    settings = settings_for(inputs.current, len(learned), choices.settings, choices.device)
    ready = material(learned.rows, old, mixture.old, settings, learned.timestamps)
    read = inherited_roles(inputs.current)
    # Whether the hour still helps, the new records say.
    column = inputs.current.column
    by_column = "" if column is None else PREFIX + column.feature.name
    context = AUTO if inputs.current.knows_hours else by_column
    return train(ready, settings, mixture.trim, out, inputs.source, progress, spec, read, context)


def _signs(
    inputs: Inputs,
    limits: GateConfig,
    parts: tuple[Stretch, Stretch],
    evaluations: tuple[Evaluation, Evaluation],
) -> tuple[broken_input.Sign, ...]:
    spec, (current, candidate) = inputs.current.input_spec, evaluations
    learned, held_out = (broken_input.prepared(spec, part.rows) for part in parts)
    before, usual = None, None
    if inputs.before is not None and current.before is not None:
        rows = inputs.before.rows
        before = broken_input.prepared(spec, rows)
        usual = broken_input.explained(inputs.current, rows, current.before.errors)
    newest = candidate.recent.errors
    found = broken_input.explained(candidate.bundle, parts[1].rows, newest)
    return (
        broken_input.stuck((learned, held_out), before, spec, limits),
        broken_input.repeated(np.concatenate([learned, held_out]), before, limits),
        broken_input.alike(newest, inputs.current.reference.errors, limits),
        broken_input.noise(found, usual, spec, limits),
    )
