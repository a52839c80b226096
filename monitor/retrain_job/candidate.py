"""Trains the candidate: the newest records held out, old ones mixed in, the strangest left out.

    drifted stretch   [ training | validation | calibration ][ held out for the gates ]
    records trained on   [ old records | training ], without the strangest

The strangest are found with a first, quick model. They are left out of training and of the choice
of the epoch, not out of calibration: the threshold promises a share of false alarms on the stream
as it comes, and a reference without its largest errors would find drift in every stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import recipe
from models.bundle import Bundle
from models.conduct import Conduct
from models.context_column import PREFIX, ContextColumn
from models.context_stages import FEWEST
from models.description import Description
from models.input_spec import InputSpec
from models.reconstruction import errors_of
from models.settings import MIN_RECORDS, TrainingSettings
from models.splits import MIN_TRAINING, MIN_VALIDATION, Split, split
from models.training import Listener
from monitor.errors import DataError
from monitor.retrain_job.reading import Stretch
from monitor.retrain_job.settings import quick

MIN_HELD_OUT: Final = 20


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares of the records.

    held_out: of the drifted ones, the newest, to judge by. old: of those trained on, from before
    the drift. trim: of the drifted ones trained on, the strangest, to be left out.
    """

    held_out: float = 0.3
    old: float = 0.0
    trim: float = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """The candidate and what it was made from.

    old: records from before the drift among those trained on. trimmed: rows of the learned
    stretch that were left out. losses: training and validation loss of each epoch.
    """

    bundle: Bundle
    old: int
    trimmed: NDArray[np.int64]
    losses: tuple[list[float], list[float], int]


def hold_out(stretch: Stretch, share: float) -> tuple[Stretch, Stretch]:
    """The stretch to learn from and the newest part of it; raises DataError for too few."""
    held_out = max(MIN_HELD_OUT, round(share * len(stretch)))
    learned = len(stretch) - held_out
    if learned < MIN_RECORDS:
        needed = max(MIN_RECORDS + MIN_HELD_OUT, int(np.ceil(MIN_RECORDS / (1 - share))))
        raise DataError(
            f"{len(stretch):,} records are too few: with the newest {share:.0%} held out, it takes"
            f" {needed}. Try again when more records of the new kind have come, name a longer"
            " stretch with --from-kafka, or keep records for longer (retention.ms of the topic)"
        )
    return stretch.part(0, learned), stretch.part(learned, len(stretch))


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Records to learn from: `old` ones, then drifted ones in stream order, and their parts.

    moments: of each, in milliseconds since the epoch, -1 if not known; None if nobody told.
    """

    records: NDArray[Any]
    old: int
    parts: Split
    moments: NDArray[np.int64] | None = None


def material(
    learned: NDArray[Any],
    before: NDArray[Any] | None,
    share: float,
    settings: TrainingSettings,
    moments: NDArray[np.int64] | None = None,
) -> Material:
    """Drifted records with a share of old ones, which are trained on and nothing else."""
    parts = split(len(learned), settings)
    if before is None or not share:
        return Material(learned, 0, parts, moments)
    wanted = max(1, round(share / (1 - share) * len(parts.training)))
    rows = np.linspace(0, len(before) - 1, min(wanted, len(before))).astype(np.int64)
    old = len(rows)
    moved = Split(
        training=np.concatenate([np.arange(old), parts.training + old]),
        validation=parts.validation + old,
        calibration=parts.calibration + old,
    )
    if moments is not None:
        moments = np.concatenate([np.full(old, -1), moments])
    return Material(np.concatenate([before[rows], learned]), old, moved, moments)


def train(
    ready: Material,
    settings: TrainingSettings,
    trim: float,
    out: Path,
    source: str,
    progress: Listener | None = None,
    like: InputSpec | None = None,
    read: Mapping[str, Any] | None = None,
    context: str = "",
) -> Candidate:
    """Find the strangest records, train on the others, and save the bundle at `out`.

    read: what the bundle is to remember of how files and payloads are read. context: see
    `Description`; there is none if a record that calibrates has no time, or if they are too
    few or all have one value of the column.
    """
    strange = strangest(ready, settings, trim, progress, like)
    kept = Split(
        training=np.setdiff1d(ready.parts.training, strange),
        validation=np.setdiff1d(ready.parts.validation, strange),
        calibration=ready.parts.calibration,
    )
    described = replace(Description.like(like, source), read=read)
    moments = ready.moments
    if context.startswith(PREFIX) and like is not None:
        name = context.removeprefix(PREFIX)
        calibration = ready.records[kept.calibration]
        if len(calibration) >= FEWEST and ContextColumn.varies(name, like, calibration):
            described = replace(described, context=context)
    elif context and moments is not None and moments[kept.calibration].min() >= 0:
        # Of old records, which do not calibrate, nobody knows the time.
        described = replace(described, moments=np.maximum(moments, 0), context=context)
    bundle = recipe.train(ready.records, out, settings, Conduct(progress), described, kept)
    history = bundle.metadata["history"]
    losses = (history["losses"], history["validation_losses"], history["best_epoch"])
    return Candidate(bundle, ready.old, strange - ready.old, losses)


def strangest(
    ready: Material,
    settings: TrainingSettings,
    trim: float,
    progress: Listener | None = None,
    like: InputSpec | None = None,
) -> NDArray[np.int64]:
    """The share of the drifted records with the largest errors under a first model, ascending."""
    parts = ready.parts
    drifted = np.concatenate([parts.training[ready.old :], parts.validation])
    spare = (len(parts.training) - MIN_TRAINING, len(parts.validation) - MIN_VALIDATION)
    count = min(round(trim * len(drifted)), *(max(0, room) for room in spare))
    if not count:
        return np.empty(0, dtype=np.int64)
    quickly = quick(settings, len(parts.training))
    first = recipe.fit_model(
        ready.records, parts, quickly, Conduct(progress), Description.like(like)
    )
    prepared = torch.from_numpy(first.spec.prepare(ready.records[drifted]))
    errors = errors_of(first.model, prepared, settings.error_metric)
    return np.sort(drifted[np.argsort(errors, kind="stable")[len(drifted) - count :]])
