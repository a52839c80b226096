"""The recipe: from an array of normal records to a bundle.

    records -> split -> InputSpec -> model -> fit -> calibrate on the held-out part -> bundle

Neither gradients nor early stopping see the calibration part.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models import architectures, bundle, context_training, device, report, solving, threads
from models.autoencoder import Autoencoder
from models.bundle import Bundle
from models.bundle_metadata import values_without_controls, without_controls
from models.checkpoint import Keeper
from models.conduct import Conduct
from models.contamination import suspicious_share
from models.description import Description
from models.engines import engine_for
from models.error_metrics import misfit
from models.errors import TrainingError
from models.input_spec import InputSpec
from models.precision import BFLOAT16, FLOAT32, TIE_TOLERANCES
from models.reference import Reference, supported_quantile
from models.resuming import keeper_for
from models.scaling import clip_outliers
from models.settings import TrainingSettings
from models.solved import Scoring, Solved
from models.solving import LeftOut
from models.splits import Split, fingerprint, require_finite, split
from models.training import INTERRUPTED, History, fit, seeded

__all__ = [
    "Conduct",
    "Description",
    "Fitted",
    "TrainingSettings",
    "fit_model",
    "spec_of",
    "train",
]

SAMPLED: int = 256
"""Calibration records from which those shown in the report are taken."""


def train(
    records: NDArray[Any],
    out: Path | str,
    settings: TrainingSettings | None = None,
    conduct: Conduct | None = None,
    described: Description | None = None,
    parts: Split | None = None,
) -> Bundle:
    """Train on normal records, calibrate, and save a bundle at `out`.

    records: vectors (n, d), images (n, H, W), (n, H, W, C), (n, C, H, W), or series (n, time,
    channel) if they are described so, n >= 50. parts: which rows train, validate and calibrate,
    if the settings are not to choose them.

    On Ctrl-C the best model so far is calibrated and saved, and with conduct.checkpoint the state
    that conduct.resume goes on from, to the bundle that would have come of it. Repeatable on one
    machine's CPU: the same records, settings and number of threads give the same weights, bit for
    bit. Raises TrainingError, ShapeError, CalibrationError, BundleError.
    """
    settings = settings or TrainingSettings()
    conduct, described = conduct or Conduct(), described or Description()
    if described.window is not None:
        # Neighbours overlap: at random, the network would know what it is calibrated on.
        settings = replace(settings, ordered=True)
    bundle.check_target(out)
    require_finite(records, described.schema)
    parts = parts or split(len(records), settings)
    _check_architecture(settings)
    context_training.check(described, parts, settings, records)
    supported_quantile(settings.level, len(parts.calibration))  # fail now, not after training
    start = time.monotonic()
    keeper = keeper_for(records, parts, settings, conduct, described)
    fitted = fit_model(records, parts, settings, conduct, described, keeper)
    spec, settings, history = fitted.spec, fitted.settings, fitted.history
    held_out = records[parts.calibration]
    errors = _errors(fitted, held_out, FLOAT32)
    reference = _calibrated(errors, settings, FLOAT32)
    asked = context_training.asked(described, spec, held_out, parts.calibration)
    learned = context_training.learned(errors, asked)
    watched = context_training.channels_learned(
        fitted.model, spec, settings, records[parts.training], held_out, asked
    )
    samples = spec.prepare(held_out[:SAMPLED])
    saved = bundle.save(
        out,
        model=fitted.model,
        input_spec=spec,
        reference=reference,
        error_metric=settings.error_metric,
        metadata={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": _data(records, described),
            "split": {name: len(rows) for name, rows in vars(parts).items()},
            "settings": settings.to_json(),
            "metrics": _metrics(history, reference, time.monotonic() - start),
            "history": vars(history),
            **({} if conduct.choice is None else {"preset": dict(conduct.choice)}),
            **({} if fitted.left_out is None else {"left_out": fitted.left_out.to_json()}),
            **context_training.described(learned, watched),
            "versions": _versions(),
        },
        pages=partial(
            report.pages,
            history=history,
            samples=samples,
            strangest=_shown(fitted, records),
            learned=learned,
            watched=watched,
        )
        if conduct.card
        else None,
        reduced=_calibrated(_errors(fitted, held_out, BFLOAT16), settings, BFLOAT16)
        if settings.precision == BFLOAT16
        else None,
        channels=watched.channels,
        context=learned.context,
    )
    if keeper is not None and history.ended != INTERRUPTED:
        keeper.clear()
    return saved


def _check_architecture(settings: TrainingSettings) -> None:
    """Raise TrainingError for settings that the architecture that is asked for does not have."""
    name = settings.architecture
    known = architectures.ARCHITECTURES.get(name or "")
    of = known.load() if known else Autoencoder
    said, others = "", list[str]()
    if issubclass(of, Solved):
        said, others = "is solved, not trained by gradients", settings.of_gradients
    elif issubclass(of, Scoring):
        said, others = "has an error of its own, in float32", settings.of_reconstructions
    if others:
        raise TrainingError(f"{name} {said}: leave out {', '.join(others)}.")


def _shown(fitted: Fitted, records: NDArray[Any]) -> NDArray[np.float32] | None:
    """The strangest of the records that were left out, prepared, or None."""
    if fitted.left_out is None or not len(fitted.left_out.rows):
        return None
    return fitted.spec.prepare(records[fitted.left_out.rows[: report.SAMPLES]])


def _data(records: NDArray[Any], described: Description) -> dict[str, Any]:
    data = {**fingerprint(records), "source": without_controls(described.source)}
    if described.read is None:
        return data
    return {**data, "read": values_without_controls(described.read)}


def _errors(fitted: Fitted, held_out: NDArray[Any], precision: str) -> NDArray[np.float64]:
    """Of records held out from training, computed as the daemon scores."""
    model, spec, metric = fitted.model, fitted.spec, fitted.settings.error_metric
    return engine_for(model, spec, metric, precision).errors(held_out)


def _calibrated(
    errors: NDArray[np.float64], settings: TrainingSettings, precision: str
) -> Reference:
    slack, ordered = TIE_TOLERANCES[precision], settings.ordered
    return Reference.calibrate(errors, settings.level, ordered=ordered, tie_tolerance=slack)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model that is trained and not yet calibrated. settings: those it was trained with."""

    model: Autoencoder
    spec: InputSpec
    settings: TrainingSettings
    history: History
    left_out: LeftOut | None = None


def fit_model(
    records: NDArray[Any],
    parts: Split,
    settings: TrainingSettings,
    conduct: Conduct | None = None,
    described: Description | None = None,
    keeper: Keeper | None = None,
) -> Fitted:
    """Train on parts.training, and choose the epoch by parts.validation. Raises as `train` does.

    keeper: has the state to go on from, if any, and writes it on Ctrl-C; `conduct` is not asked.
    """
    place = device.resolve(settings.device)
    spec = spec_of(records, parts, described or Description())
    with seeded(settings.seed, place):
        model = _build(spec, settings).to(place)
        if isinstance(model, Solved):
            return _solved(model, spec, records, parts, settings)
        if settings.contamination is not None:
            known = " or ".join(architectures.SOLVED)
            raise TrainingError(
                f"{model.architecture} leaves no records out. Use {known}, or say nothing of"
                " contamination."
            )
        settings = settings.completed(len(parts.training))
        count = settings.threads or threads.suited(model, threads.cores())
        settings = replace(settings, threads=count)
        with threads.using(count):
            history = _fit(model, spec, records, parts, settings, conduct or Conduct(), keeper)
    return Fitted(model, spec, settings, history)


def spec_of(records: NDArray[Any], parts: Split, described: Description) -> InputSpec:
    """The input spec of the records to train on, for `fit_model`. Raises ShapeError."""
    held_out = None
    if records.ndim == 2 or described.layout == "series":
        held_out = records[np.concatenate([parts.validation, parts.calibration])]
    training = records[parts.training]
    return InputSpec.fit(training, described.schema, held_out, described.layout, described.window)


def _build(spec: InputSpec, settings: TrainingSettings) -> Autoencoder:
    if settings.augment and not spec.is_image:
        raise TrainingError("augment is for images, and these records are vectors. Leave it out.")
    if wrong := misfit(settings.error_metric, spec.is_image):
        raise TrainingError(f"{wrong} Use mse, mae or huber.")
    name = settings.architecture or architectures.default_architecture(spec)
    try:
        return architectures.build(name, spec, settings.architecture_settings)
    except ValueError as error:
        raise TrainingError(f"{name}: {error}.") from error


def _solved(
    model: Solved, spec: InputSpec, records: NDArray[Any], parts: Split, settings: TrainingSettings
) -> Fitted:
    """Solve the model for training and validation records: nothing is chosen by the latter."""
    rows = np.sort(np.concatenate([parts.training, parts.validation]))
    count = settings.threads or 1
    settings = replace(settings, threads=count)
    with threads.using(count):
        history, left_out = solving.solve(model, spec, records, rows, settings)
    return Fitted(model, spec, settings, history, left_out)


def _fit(
    model: Autoencoder,
    spec: InputSpec,
    records: NDArray[Any],
    parts: Split,
    settings: TrainingSettings,
    conduct: Conduct,
    keeper: Keeper | None,
) -> History:
    training, validation = (
        torch.from_numpy(clip_outliers(spec.prepare(records[rows])))
        for rows in (parts.training, parts.validation)
    )
    return fit(model, training, validation, settings, conduct.progress, keeper=keeper)


def _metrics(history: History, reference: Reference, seconds: float) -> dict[str, Any]:
    return {
        "epochs": len(history.losses),
        "best_epoch": history.best_epoch,
        "ended": history.ended,
        "training_loss": history.losses[history.best_epoch - 1],
        "validation_loss": history.best_loss,
        "calibration_median": float(reference.quantiles([0.5])[0]),
        "calibration_largest": float(reference.errors[-1]),
        "suspicious_share": suspicious_share(reference.errors),
        "seconds": round(seconds, 1),
    }


def _versions() -> dict[str, str]:
    try:
        own = importlib.metadata.version("aead-monitor")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    return {
        "aead-monitor": own,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
