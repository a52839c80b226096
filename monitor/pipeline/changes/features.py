"""Changes of one feature of vectors, or one channel of series: the last axis of the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.schema import OTHER, Feature
from monitor.errors import UserError
from monitor.pipeline.changes.change import Begin, Records, Step, stateless

LARGEST: Final = float(np.finfo(np.float32).max)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a feature is. position: in the last axis. deviation: its standard deviation in the
    training records, as the bundle has it for normalising; None if it did not vary there."""

    feature: Feature
    position: int
    deviation: float | None


def places(spec: InputSpec) -> dict[str, Place]:
    """The features of vectors and the channels of series, by name."""
    known = spec.schema.features
    features = known or tuple(Feature(f"feature {i}") for i in range(spec.record_shape[-1]))
    columns = {name: at for at, name in enumerate(spec.columns or [f.name for f in features])}
    return {
        feature.name: Place(feature, position, _deviation(spec, columns.get(feature.name)))
        for position, feature in enumerate(features)
    }


def _deviation(spec: InputSpec, column: int | None) -> float | None:
    return None if column is None or not spec.varies[column] else spec.scale[column]


def shifted(place: Place, amount: float) -> Begin:
    """Larger by an amount."""
    return stateless(_each(place, lambda values: values + amount))


def multiplied(place: Place, factor: float) -> Begin:
    """So many times as large."""
    return stateless(_each(place, lambda values: values * factor))


def stuck_at(place: Place, value: float) -> Begin:
    """Always one value."""
    return stateless(_each(place, lambda values: np.full_like(values, value)))


def stuck(place: Place) -> Begin:
    """Always what it was in the last normal record, or in the last step of a series."""

    def begin(last: Records, rng: np.random.Generator) -> Step:
        at = float(last[..., place.position].flat[-1])
        return _each(place, lambda values: np.full_like(values, at))

    return begin


def noisy(place: Place, deviation: float) -> Begin:
    """With independent Gaussian noise of this standard deviation."""

    def begin(last: Records, rng: np.random.Generator) -> Step:
        return _each(place, lambda values: values + deviation * rng.standard_normal(values.shape))

    return begin


def missing(place: Place) -> Begin:
    """Never there."""
    return stateless(_each(place, lambda values: np.full_like(values, np.nan)))


def code(feature: Feature, text: str) -> float | None:
    """The number that stands for a value in the records; None if the text is none of its values."""
    if feature.kind == "boolean":
        return {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}.get(text.casefold())
    if feature.kind == "category":
        known = text in feature.categories or text == OTHER
        return float(feature.code(text)) if known else None
    try:
        return float(text)
    except ValueError:
        return None


def _each(place: Place, change: Callable[[Floats], Floats]) -> Step:
    """Apply a function to the feature's values; what is missing may stay so."""

    def step(records: Records) -> Records:
        floats = records.dtype.kind == "f"
        changed = records.astype(records.dtype if floats else np.float64)
        with np.errstate(over="ignore"):
            values = change(changed[..., place.position].astype(np.float64))
        if np.abs(values, where=~np.isnan(values), out=np.zeros_like(values)).max() > LARGEST:
            raise UserError(
                f"--change makes {place.feature.name!r} larger than {LARGEST:.3g}, which no record"
                " can hold. Name a smaller change"
            )
        changed[..., place.position] = values
        return changed

    return step
