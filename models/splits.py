"""Splits records into training, validation and calibration, and names the data they came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingError
from models.schema import Schema
from models.settings import MIN_RECORDS, TrainingSettings

MIN_CALIBRATION: Final = 20
MIN_VALIDATION: Final = 5
MIN_TRAINING: Final = 10


@dataclass(frozen=True)
class Split:
    """Row numbers of each part. No row is in two of them; each part is ascending."""

    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    calibration: NDArray[np.int64]


def split(records: int, settings: TrainingSettings) -> Split:
    """Return a random split, the same for the same seed; of ordered records, three stretches.

    Of ordered records the newest calibrate: they are the likest to what will come. Calibration
    and validation get their fractions, but at least 20 and 5 records. Raises TrainingError for
    fewer than 50 records, or too few left for training.
    """
    if records < MIN_RECORDS:
        raise TrainingError(f"training needs at least {MIN_RECORDS} records, got {records}.")
    calibration = max(MIN_CALIBRATION, round(settings.calibration_fraction * records))
    validation = max(MIN_VALIDATION, round(settings.validation_fraction * records))
    training = records - calibration - validation
    if training < MIN_TRAINING:
        raise TrainingError(
            f"of {records} records, {calibration} for calibration and {validation} for validation "
            f"leave {training} to train on. Use smaller fractions, or give more records."
        )
    shuffled = np.random.default_rng(settings.seed).permutation(records)
    order = np.arange(records) if settings.ordered else shuffled
    parts = np.split(order, [training, training + validation])
    return Split(*(np.sort(part) for part in parts))


def fingerprint(records: NDArray[Any]) -> dict[str, Any]:
    """Return what identifies these records: count, shape, dtype and a hash of the content."""
    digest = hashlib.sha256(f"{records.dtype.str} {records.shape}".encode())
    for block in np.array_split(records, max(1, records.nbytes >> 26)):
        digest.update(np.ascontiguousarray(block).data)
    return {
        "records": len(records),
        "record_shape": list(records.shape[1:]),
        "dtype": records.dtype.name,
        "sha256": digest.hexdigest(),
    }


def require_finite(records: NDArray[Any], schema: Schema | None = None) -> None:
    """Raise TrainingError, naming the row, if any value is infinite, or nan where none may miss."""
    if records.dtype.kind != "f":
        return
    missing = schema.may_be_missing if schema and schema.features else np.zeros((), dtype=np.bool_)
    for row, record in enumerate(records):
        if not (np.isfinite(record) | (np.isnan(record) & missing)).all():
            raise TrainingError(
                f"row {row} (the first is 0) holds a value that is nan or infinite. "
                "Drop or repair such rows before training."
            )
