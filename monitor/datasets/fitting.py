"""Data files as a model takes them: the columns by name, the shape and type of its records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor import datasets
from monitor.datasets import parts
from monitor.datasets.dataset import Dataset
from monitor.errors import DataError


def load(path: str, where: str | None, spec: InputSpec) -> Dataset:
    """The data file's records as the model takes them.

    A table's columns are taken by name, in whatever order they come; those that the model does
    not know are left out with a word on stderr. Raises DataError.
    """
    return parts.joined(blocks(path, where, spec))


def blocks(path: str, where: str | None, spec: InputSpec) -> Iterator[Dataset]:
    """The same in parts, as `datasets.blocks` gives them."""
    columns: list[int] | None = None
    for number, data in enumerate(datasets.blocks(path, where)):
        if number == 0:
            columns = _columns(data.features, spec, path)
        if columns is None:
            yield data
        else:
            yield replace(data, records=data.records[:, columns], features=spec.features)


def _columns(features: tuple[str, ...], spec: InputSpec, path: str) -> list[int] | None:
    """Where the model's columns are among the file's; None if there is nothing to choose."""
    wanted = spec.features
    if not features or not wanted or features == wanted:
        return None
    missing = [name for name in wanted if name not in features]
    if missing:
        raise DataError(
            f"{path}: no column {missing[0]!r}, which the model was trained on. Give the columns"
            f" {', '.join(wanted)}"
        )
    unknown = [name for name in features if name not in wanted]
    if unknown:
        said = f"{path}: not in the model, left out: {', '.join(unknown)}"
        print(said, file=sys.stderr)  # noqa: T201  (for the person at the command line)
    return [features.index(name) for name in wanted]


def as_recorded(rows: NDArray[Any], spec: InputSpec, source: str) -> NDArray[Any]:
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
    return cast if np.array_equal(cast, rows, equal_nan=rows.dtype.kind == "f") else rows
