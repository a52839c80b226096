"""What a candidate is compared on besides the newest records: older normal ones, and anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.datasets import Dataset
from monitor.datasets.fitting import as_recorded, load
from monitor.errors import DataError


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


def load_before(path: str, where: str | None, spec: InputSpec, most: int) -> Before:
    """A data set's records, at most so many, evenly chosen; raises DataError."""
    data = load(path, where, spec)
    rows = data.records
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    return Before(as_recorded(rows, spec, path), path)


def load_labelled(path: str, labels: list[str], spec: InputSpec) -> Labelled:
    """Anomalies by label, each a column (0 is normal), or KEY=VALUE or KEY!=VALUE that chooses.

    Raises DataError if a label chooses no record.
    """
    chosen = {label: load(path, _anomalous(label), spec) for label in labels}
    normal = _normal(path, labels, chosen, spec)
    return Labelled(
        {label: as_recorded(data.records, spec, path) for label, data in chosen.items()},
        None if normal is None else as_recorded(normal, spec, path),
        path,
    )


def _anomalous(label: str) -> str:
    return label if "=" in label else f"{label}!=0"


def _opposite(expression: str) -> str:
    if "!=" in expression:
        return expression.replace("!=", "=", 1)
    return expression.replace("==", "=", 1).replace("=", "!=", 1)


def _normal(
    path: str, labels: list[str], chosen: dict[str, Dataset], spec: InputSpec
) -> NDArray[Any] | None:
    """The records that no label chooses, or None if there are none."""
    try:
        others = load(path, _opposite(_anomalous(labels[0])), spec)
    except DataError:  # file and label were read before: only that none is left can be wrong
        return None
    taken = np.concatenate([data.index for data in chosen.values()])
    left = ~np.isin(others.index, taken)
    return others.records[left] if left.any() else None
