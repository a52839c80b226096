"""Data files as a model takes them: the columns by name, the shape and type of its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor import datasets
from monitor.datasets import parts, times, windowed
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import PLAIN, Reading
from monitor.datasets.units import Units
from monitor.errors import DataError


def load(
    paths: datasets.Paths, where: str | None, spec: InputSpec, reading: Reading = PLAIN
) -> Dataset:
    """The records of data files as the model takes them.

    A table's columns are taken by name, in whatever order they come; those that the model does
    not know are left out with a word. Raises DataError.
    """
    return parts.joined(blocks(paths, where, spec, reading))


def blocks(
    paths: datasets.Paths, where: str | None, spec: InputSpec, reading: Reading = PLAIN
) -> Iterator[Dataset]:
    """The same in parts, as `datasets.blocks` gives them."""
    reading = reading if where is None else replace(reading, where=where)
    named = datasets.listed(paths)
    if spec.window is None:
        yield from _watched(named, spec, reading)
        return
    steps = _watched(named, spec.steps, windowed.carrying(reading, spec.window))
    steps = times.in_order(steps, reading, named[0], spec.window.by)
    yield from windowed.windowed(steps, spec.window, named[0])


def _watched(named: list[str], spec: InputSpec, reading: Reading) -> Iterator[Dataset]:
    """The records as they are; at the end it is said what may be in other units."""
    units = Units(spec)
    for data in _parts(named, spec, reading):
        units.add(data.records)
        yield data
    for text in units.told():
        reading.say(f"{named[0]}: {text}")


def _parts(named: list[str], spec: InputSpec, reading: Reading) -> Iterator[Dataset]:
    kind = datasets.kind_of(named)
    if kind == "table":
        from monitor.datasets import columns

        return columns.blocks(named, spec, reading)
    if kind == "pictures":
        return _pictures(named, spec, reading)
    return _arrays(named, spec, reading)


def _pictures(named: list[str], spec: InputSpec, reading: Reading) -> Iterator[Dataset]:
    from monitor.datasets import picture_data
    from monitor.pictures.form import DEEP, MODES

    # In the colours that the model knows, as the daemon's codec converts them.
    mode = None
    if spec.is_image:
        mode = MODES.get(spec.shape[0])
        mode = DEEP if spec.dtype == "uint16" and mode == "L" else mode
    for data in picture_data.blocks(named, reading, mode):
        yield replace(data, records=_as_in(spec.layout, data.records))


def _as_in(layout: str, pictures: NDArray[Any]) -> NDArray[Any]:
    """Pictures (n, H, W) or (n, H, W, C) with their channels where the model has them."""
    channels = pictures[..., np.newaxis] if pictures.ndim == 3 else pictures  # (n, H, W, C)
    if layout == "CHW":
        return np.moveaxis(channels, 3, 1)  # (n, C, H, W)
    return channels if layout == "HWC" else pictures


def _arrays(named: list[str], spec: InputSpec, reading: Reading) -> Iterator[Dataset]:
    said = False
    for data in datasets.blocks(named, None, reading):
        fits = data.records.ndim == 2 and data.records.shape[1:] == spec.record_shape
        if fits and not spec.schema.plain:
            raise DataError(
                f"{named[0]}: an array has no names, and the model's columns hold categories or"
                " may be missing. Give a table with the columns by name"
            )
        if fits and spec.features and not said:
            said = True
            reading.say(f"{named[0]}: an array has no names: columns taken in the model's order")
        yield replace(data, schema=spec.schema) if fits else data


def as_recorded(rows: NDArray[Any], spec: InputSpec, source: str) -> NDArray[Any]:
    """Rows in the shape in which records arrive; raises DataError if they do not fit the model."""
    if rows.shape[1:] == spec.record_shape:
        return rows
    if rows.shape[1:] != spec.shape or not spec.schema.plain:
        raise DataError(
            f"{source}: each record must have shape {spec.record_shape}, as the model's, got"
            f" {rows.shape[1:]}. Give data of the kind that the model learned"
        )
    if spec.layout == "series":
        return rows.swapaxes(1, 2)
    return rows[:, 0] if spec.layout == "HW" else np.moveaxis(rows, 1, 3)


def in_type(rows: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Rows in the type of the model's training data if that loses nothing, else as they are."""
    if rows.dtype == spec.dtype:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        cast = rows.astype(spec.dtype)
    return cast if np.array_equal(cast, rows, equal_nan=rows.dtype.kind == "f") else rows
