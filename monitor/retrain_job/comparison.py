"""What a candidate is compared on besides the newest records: older normal ones, and anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.commands import offline
from monitor.datasets import Dataset
from monitor.errors import DataError
from monitor.pipeline.scorer import Scorer


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """Normal records of before the drift. source: where they are from, for people."""

    rows: NDArray[Any]
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Stored anomalies, by the label that names their kind, and normal records stored with them.

    normal: None if the data hold none; the newest records of the stream stand in for them.
    """

    anomalous: dict[str, NDArray[Any]]
    normal: NDArray[Any] | None
    source: str


def load_before(path: str, where: str | None, scorer: Scorer, most: int) -> Before:
    """A data set's records, at most so many, evenly chosen; raises DataError."""
    data = offline.load(path, where, scorer)
    rows = data.records
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    return Before(fitting(rows, scorer.bundle.input_spec, path), path)


def load_labelled(path: str, labels: list[str], scorer: Scorer) -> Labelled:
    """Anomalies by label, each a column (0 is normal), or KEY=VALUE or KEY!=VALUE that chooses.

    Raises DataError if a label chooses no record.
    """
    spec = scorer.bundle.input_spec
    chosen = {label: offline.load(path, _anomalous(label), scorer) for label in labels}
    normal = _normal(path, labels, chosen, scorer)
    return Labelled(
        {label: fitting(data.records, spec, path) for label, data in chosen.items()},
        None if normal is None else fitting(normal, spec, path),
        path,
    )


def _anomalous(label: str) -> str:
    return label if "=" in label else f"{label}!=0"


def _opposite(expression: str) -> str:
    if "!=" in expression:
        return expression.replace("!=", "=", 1)
    return expression.replace("==", "=", 1).replace("=", "!=", 1)


def _normal(
    path: str, labels: list[str], chosen: dict[str, Dataset], scorer: Scorer
) -> NDArray[Any] | None:
    """The records that no label chooses, or None if there are none."""
    try:
        others = offline.load(path, _opposite(_anomalous(labels[0])), scorer)
    except DataError:  # file and label were read before: only that none is left can be wrong
        return None
    taken = np.concatenate([data.index for data in chosen.values()])
    left = ~np.isin(others.index, taken)
    return others.records[left] if left.any() else None


def fitting(rows: NDArray[Any], spec: InputSpec, source: str) -> NDArray[Any]:
    """Rows in the shape in which records arrive; raises DataError if they do not fit the model."""
    if rows.shape[1:] == spec.record_shape:
        return rows
    if rows.shape[1:] != spec.shape:
        raise DataError(
            f"{source}: each record must have shape {spec.record_shape}, as the model's, got"
            f" {rows.shape[1:]}. Give data of the kind that the model learned"
        )
    return rows[:, 0] if spec.layout == "HW" else np.moveaxis(rows, 1, 3)


def in_type(rows: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Rows in the type of the model's training data if that loses nothing, else as they are."""
    if rows.dtype == spec.dtype:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        cast = rows.astype(spec.dtype)
    return cast if np.array_equal(cast, rows) else rows
