"""Search: chooses the settings of a training by how candidates rank synthetic anomalies.

    training records   [ learned from, at most 10,000 ][ held out: normal | spoilt ]

Every candidate learns from the same records, and ranks the same held-out ones: half of them as
they are, half spoilt (synthetic.py). No label is asked for, and the records that calibrate are
not looked at. What is chosen is then trained on all records, as if it had been asked for.

The threshold of a trim cannot be chosen so: the held-out records have what contamination the others
have. Each architecture keeps its own, unless the settings say otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import recipe, synthetic
from models.architectures import SOLVED
from models.choice import CLEARLY, CLEARLY_PICTURES, Choice, Trial, pick
from models.conduct import Conduct
from models.description import Description
from models.engines import engine_for
from models.errors import TrainingError
from models.input_spec import InputSpec
from models.presets import BEST, FAST, Candidate, Preset, plain
from models.ranking import Ranking
from models.reconstruction import errors_of
from models.scaling import FAR
from models.settings import TrainingSettings
from models.splits import MIN_TRAINING, MIN_VALIDATION, Split, require_finite, split
from models.training import INTERRUPTED, Progress

MOST: Final = 10_000
"""Records that candidates learn from."""
HELD_OUT: Final = 2_000
_SHARE: Final = 0.25
"""Of the training records, held out to rank."""
_LEAST: Final = 8
"""Held-out records below which nothing can be told from chance."""
TIMED: Final = 2048
"""Records whose scoring is timed."""
EPOCHS: Final = 0.25
"""Share of the epochs for which `auto` trains a candidate; `best` trains it for all."""
LEAST_EPOCHS: Final = 5

Told = Callable[[Trial], None]


class _OutOfTimeError(Exception):
    """The time to try candidates in is over."""


@dataclass(frozen=True, eq=False)
class _Course:
    """What all candidates have in common.

    normal, odd: prepared, of the latter by kind. share: of the epochs that are trained.
    """

    spec: InputSpec
    records: NDArray[Any]
    parts: Split
    described: Description
    normal: torch.Tensor
    odd: dict[str, torch.Tensor]
    share: float
    deadline: float
    clock: Callable[[], float]

    def shortened(self, settings: TrainingSettings) -> TrainingSettings:
        """The same for a share of the epochs, if it is trained by gradients."""
        if self.share == 1 or settings.architecture in SOLVED:
            return settings
        whole = settings.completed(len(self.parts.training))
        epochs = max(LEAST_EPOCHS, round(self.share * (whole.epochs or 1)))
        return replace(whole, epochs=min(epochs, whole.epochs or 1), patience=None)


def choose(
    records: NDArray[Any],
    settings: TrainingSettings,
    preset: Preset,
    described: Description | None = None,
    parts: Split | None = None,
    told: Told = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """The settings that the preset chooses for these records.

    records, described, parts: as for `recipe.train`. settings: all but architecture and error
    metric, which are chosen; with a contamination only what is solved is a candidate, with settings
    of gradients only what is trained by them. told: called with each trial.

    Repeatable for the same records and settings, as long as the time does not run out: the first
    candidate is always tried, a later one that is not done by then is left out, and all behind it.
    Raises as `recipe.train` does.
    """
    described = described or Description()
    _unsaid(settings)
    if described.window is not None:
        settings = replace(settings, ordered=True)
    require_finite(records, described.schema)
    parts = parts or split(len(records), settings)
    spec = recipe.spec_of(records, parts, described)
    candidates = [each for each in preset.candidates(spec) if _allowed(each, settings)]
    if not candidates:
        why = "nothing was to be compared" if preset.name == FAST else "no candidate suits these"
        return Choice(preset.name, settings, (), why, preset.cost, plain(spec).name)
    course = _course(records, parts, settings, preset, described, clock)
    if course is None:
        few = f"{len(records):,} records are too few to compare on"
        return Choice(preset.name, settings, (), few, preset.cost, plain(spec).name)
    trials = []
    for trial in _trials(course, candidates, settings, preset):
        trials.append(trial)
        told(trial)
    try:
        clearly = CLEARLY_PICTURES if spec.is_image else CLEARLY
        chosen_trial, why = pick(trials, preset.cost, clearly)
    except ValueError as error:
        raise TrainingError(f"preset {preset.name}: {error}. Use fast, or name --arch.") from error
    chosen = chosen_trial.name
    return Choice(preset.name, chosen_trial.settings, trials, why, preset.cost, chosen)


def _unsaid(settings: TrainingSettings) -> None:
    if settings.architecture or settings.architecture_settings:
        raise TrainingError("a preset chooses the architecture: name one, or the other.")


def _allowed(candidate: Candidate, settings: TrainingSettings) -> bool:
    if candidate.architecture in SOLVED:
        return not settings.of_gradients
    if candidate.error_metric != "mse" and settings.error_metric != "mse":
        return False  # the same as another one
    return settings.contamination is None


def _with(settings: TrainingSettings, candidate: Candidate) -> TrainingSettings:
    metric = candidate.error_metric if candidate.error_metric != "mse" else settings.error_metric
    return replace(
        settings,
        architecture=candidate.architecture,
        architecture_settings=dict(candidate.settings),
        error_metric=metric,
    )


def _course(
    records: NDArray[Any],
    parts: Split,
    settings: TrainingSettings,
    preset: Preset,
    described: Description,
    clock: Callable[[], float],
) -> _Course | None:
    """What candidates learn from and rank; None if that is too little."""
    rows = parts.training
    held_out = min(HELD_OUT, round(_SHARE * len(rows)))
    learned = len(rows) - held_out
    if held_out < _LEAST or learned < MIN_TRAINING or len(parts.validation) < MIN_VALIDATION:
        return None
    rng = np.random.default_rng(settings.seed)
    # Of ordered records the newest are held out, as the newest calibrate.
    order = rows if settings.ordered else rng.permutation(rows)
    training, ranked = order[:learned], order[learned:]
    training = np.sort(_some(training, MOST))
    validation = _some(parts.validation, max(MIN_VALIDATION, MOST // 5))
    seen = Split(training, validation, parts.calibration)
    spec = recipe.spec_of(records, seen, described)
    # Both halves are mixed: neither is the newer one.
    ranked = rng.permutation(ranked)
    normal, spoilt = records[ranked[: held_out // 2]], records[ranked[held_out // 2 :]]
    odd = synthetic.anomalies(spec, spoilt, settings.seed)
    return _Course(
        spec,
        records,
        seen,
        described,
        _tensor(spec.prepare(normal)),
        {kind: _tensor(each) for kind, each in odd.items()},
        1.0 if preset.name == BEST else EPOCHS,
        clock() + preset.seconds,
        clock,
    )


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of them, evenly chosen."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _tensor(prepared: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(prepared.clip(-FAR, FAR))


def _trials(
    course: _Course, candidates: list[Candidate], settings: TrainingSettings, preset: Preset
) -> Iterator[Trial]:
    """A trial of each, in order; of those behind the first that was not done in time, a note."""
    late = False
    for number, candidate in enumerate(candidates):
        cost = candidate.cost(course.spec)
        untried = Trial(candidate.name, _with(settings, candidate), cost)
        if cost > preset.cost:
            yield replace(untried, note="costs too much")
            continue
        late = late or (number > 0 and course.clock() >= course.deadline)
        if late:
            yield replace(untried, note="no time left")
            continue
        trial = _trial(course, untried, stops=number > 0)
        late = trial.ranking is None
        yield trial


def _trial(course: _Course, trial: Trial, stops: bool) -> Trial:
    """The candidate, trained and ranked. stops: when the time is over."""

    def heed(_: Progress) -> None:
        if stops and course.clock() >= course.deadline:
            raise _OutOfTimeError

    start = course.clock()
    conduct = Conduct(progress=heed)
    try:
        fitted = recipe.fit_model(
            course.records, course.parts, course.shortened(trial.settings), conduct,
            course.described,
        )  # fmt: skip
    except _OutOfTimeError:
        return replace(trial, note="not done in time")
    if fitted.history.ended == INTERRUPTED:
        raise KeyboardInterrupt
    seconds = course.clock() - start
    metric = trial.settings.error_metric
    ranking = Ranking.of(
        errors_of(fitted.model, course.normal, metric),
        {kind: errors_of(fitted.model, odd, metric) for kind, odd in course.odd.items()},
    )
    return replace(
        trial, ranking=ranking, seconds=seconds, microseconds=_microseconds(course, fitted)
    )


def _microseconds(course: _Course, fitted: recipe.Fitted) -> float:
    """Of scoring one record, in passes as large as the daemon's."""
    engine = engine_for(fitted.model, fitted.spec, fitted.settings.error_metric)
    rows = course.records[course.parts.training[:TIMED]]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        engine.errors(rows)
        times.append(time.perf_counter() - start)
    return 1e6 * min(times) / len(rows)
