"""From a model that was made elsewhere to a bundle: calibrated on normal records that it never saw.

records -> [ fitted on | calibrated on ]
             what the bundle needs beside the model: usual ranges, normalisation, channels
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import bundle, plots
from models.autoencoder import Autoencoder
from models.bundle import Bundle
from models.bundle_metadata import values_without_controls, without_controls
from models.channels import Channels
from models.contamination import suspicious_share
from models.engines import engine_for
from models.errors import GivenModelError, TrainingError
from models.input_spec import InputSpec
from models.reconstruction import metric_of
from models.reference import DEFAULT_TOLERANCE, Reference, supported_quantile
from models.schema import Schema
from models.settings import MIN_RECORDS
from models.splits import MIN_CALIBRATION, MIN_TRAINING, fingerprint, require_finite

FRACTION: Final = 0.5
"""Of the records, to calibrate on: there is nothing to train."""
SAME: Final = 0.01
"""Largest relative difference between the error of a record in a batch and alone."""
_ALONE: Final = 8
_SEED: Final = 0


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal records to make a bundle with, (n, *record_shape), n >= 50.

    schema, layout: as `recipe.train` takes them. source, read: where they are from, for people.
    ordered: they are consecutive ones of the stream, oldest first. quantile: of the threshold.
    fraction: of them, to calibrate on.
    """

    records: NDArray[Any]
    schema: Schema | None = None
    layout: str = ""
    source: str = ""
    read: Mapping[str, Any] = field(default_factory=dict)
    ordered: bool = False
    quantile: float | None = None
    fraction: float = FRACTION

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to fit on, and to calibrate on: the newest if they are ordered. Raises UserError."""
        count = len(self.records)
        require_finite(self.records, self.schema)
        calibration = max(MIN_CALIBRATION, round(self.fraction * count))
        if count < MIN_RECORDS or count - calibration < MIN_TRAINING:
            raise TrainingError(
                f"{count} records are too few to calibrate on {calibration} of them: give at least"
                f" {MIN_RECORDS}, or a smaller --calibration-fraction"
            )
        supported_quantile(self.quantile, calibration)
        order = np.arange(count)
        if not self.ordered:
            order = np.random.default_rng(_SEED).permutation(count)
        fitted, held_out = np.split(order, [count - calibration])
        return np.sort(fitted), np.sort(held_out)


def save(
    out: Path | str,
    model: Autoencoder,
    spec: InputSpec,
    normal: Normal,
    metric: str,
    given: Mapping[str, Any],
) -> Bundle:
    """Calibrate a model on records that it never saw, and write the bundle.

    metric: of the error, unless the model has its own. given: what the model was made from, JSON
    values. Raises GivenModelError if errors are not finite, or depend on the batch; and as
    `Reference.calibrate` and `bundle.save` do.
    """
    bundle.check_target(out)
    fitted, calibrated = normal.parts()
    held_out = normal.records[calibrated]
    model.eval()
    metric = metric_of(model, metric)
    engine = engine_for(model, spec, metric)
    errors = engine.errors(held_out)
    if not np.isfinite(errors).all():
        row = int(calibrated[np.flatnonzero(~np.isfinite(errors))[0]])
        raise GivenModelError(
            f"{given['file']}: gives no finite error for row {row} (the first is 0) of the data"
        )
    _check_alone(engine, held_out[:_ALONE], errors, str(given["file"]))
    reference = Reference.calibrate(errors, normal.quantile, ordered=normal.ordered)
    if reference.errors[-1] == 0:
        raise GivenModelError(
            f"{given['file']}: its error is 0 for all {len(errors):,} records that it was to be"
            " calibrated on: it tells none of them apart. Is it the right output, and are high"
            " values the anomalous ones?"
        )
    training = normal.records[fitted]
    return bundle.save(
        out,
        model=model,
        input_spec=spec,
        reference=reference,
        error_metric=metric,
        metadata={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": _data(normal),
            "split": {"fitted": len(fitted), "calibration": len(calibrated)},
            "given": values_without_controls(dict(given)),
            "metrics": {
                "calibration_median": float(reference.quantiles([0.5])[0]),
                "calibration_largest": float(reference.errors[-1]),
                "suspicious_share": suspicious_share(reference.errors),
            },
            "versions": _versions(),
        },
        pages=_pages,
        channels=Channels.calibrate(
            model, spec, metric, training, held_out, ordered=normal.ordered
        ),
    )


def _check_alone(engine: Any, rows: NDArray[Any], errors: NDArray[np.float64], file: str) -> None:
    together = errors[: len(rows)]
    alone = np.concatenate([engine.errors(rows[i : i + 1]) for i in range(len(rows))])
    if np.abs(together - alone).max() > SAME * errors.max():
        raise GivenModelError(
            f"{file}: the error of a record depends on the records beside it in a batch: it cannot"
            " be calibrated"
        )


def _data(normal: Normal) -> dict[str, Any]:
    data = {**fingerprint(normal.records), "source": without_controls(normal.source)}
    return {**data, "read": values_without_controls(dict(normal.read))} if normal.read else data


def _versions() -> dict[str, str]:
    return {
        "aead-monitor": importlib.metadata.version("aead-monitor"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _pages(made: Bundle) -> dict[str, bytes]:
    return {
        "README.md": card(made).encode(),
        "plots/errors.png": plots.error_histogram(made.reference),
    }


def card(made: Bundle) -> str:
    """The model card, Markdown."""
    given, data, spec = made.metadata["given"], made.metadata["data"], made.input_spec
    reference = made.reference
    said = "\n".join(f"- {name}: `{value}`" for name, value in given.items() if value != "")
    return f"""# {made.architecture.capitalize()} {made.version}

Made elsewhere, and calibrated by aead-monitor on {made.metadata["created"]}. Its error
({made.error_metric}) says how unlike normal records a record is.

- Input: one record has shape {list(spec.record_shape)} (layout {spec.layout})
{said}

## Data

{data["records"]:,} normal records{f" from `{data['source']}`" if data["source"] else ""}, of which
{reference.count:,} calibrate. SHA-256 of the records: `{data["sha256"]}`

## Calibration

The threshold is {reference.threshold:.6g}, at quantile {reference.quantile:.6g}. With a tolerance
of {DEFAULT_TOLERANCE:.0%}, {reference.detection_limits(DEFAULT_TOLERANCE)}. {reference.note}

It holds if the model never saw these records: whoever made it must have kept them out of training.

![errors](plots/errors.png)
"""
