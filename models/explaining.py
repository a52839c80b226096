"""Which features, or which place of a picture, carry the error of a record.

Every model has a map of a record's error over what the network sees: squared or absolute
differences, or what a scoring model says itself (`Scoring.element_errors`). Shares are shares of
the map's sum. Columns of one feature (values of a category, what is missing) count together.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import Autoencoder
from models.bundle_metadata import without_controls
from models.error_place import densest
from models.errors import ShapeError
from models.explanation import (
    LONGEST,
    MODEL,
    MOST,
    SHARES,
    Explained,
    Explanation,
    FeatureShare,
    LeftOut,
    Place,
    Value,
)
from models.input_spec import InputSpec
from models.reconstruction import mapped
from models.schema import OTHER, Feature
from models.solved import Scoring

_STEPS: Final = 0.5
"""Share of a channel's error that is in the steps that are named."""
_FINEST: Final = 10_000
_ROUNDING: Final = 1e-9
"""Of a share: what sums of float64 may lose of it."""

Floats = NDArray[np.float64]


class Explainer:
    """Explains records of one model. features: that are named of each, 1 to MOST."""

    def __init__(self, model: Autoencoder, spec: InputSpec, metric: str, features: int) -> None:
        if not 1 <= features <= MOST:
            raise ValueError(f"features must be from 1 to {MOST}, got {features}")
        self._model, self._spec, self._metric = model, spec, metric
        self._most = features
        named = spec.schema.features
        self._starts = np.cumsum([0, *(len(feature.columns) for feature in named)])

    @torch.inference_mode()
    def explain(self, records: NDArray[Any], x: Tensor) -> list[Explained]:
        """What carries the error of each record, all in one pass, in float32.

        records: (B, *record_shape) or, of numbers that are never missing, (B, *shape). x: the
        same, normalised, on the model's device. Raises ShapeError.
        """
        if not self._model.reconstructs:
            return [LeftOut(MODEL)] * len(records)
        rows = self._rows(records)
        made, elements = (each.double().cpu().numpy() for each in mapped(
            self._model, x, self._metric
        ))  # fmt: skip
        aside: dict[str, Tensor] = {}
        if isinstance(self._model, Scoring):
            aside = {name: each.cpu() for name, each in self._model.unplaced(x).items()}
        return [
            self._one(rows[i], made[i], elements[i], {n: float(v[i]) for n, v in aside.items()})
            for i in range(len(records))
        ]

    def _rows(self, records: NDArray[Any]) -> NDArray[Any]:
        """Values as they came: (B, features), or as the network arranges them, (B, *shape)."""
        if self._spec.schema.plain:
            return self._spec.in_network_shape(records)
        if records.shape[1:] != self._spec.record_shape:
            raise ShapeError(
                f"each record must have shape {self._spec.record_shape}, got {records.shape[1:]}."
            )
        return records

    def _one(
        self, row: NDArray[Any], made: Floats, elements: Floats, aside: dict[str, float]
    ) -> Explained:
        total = float(elements.sum())
        if not math.isfinite(total) or total <= 0:
            return LeftOut(SHARES)
        if self._spec.is_image:
            return _of_picture(elements.sum(axis=0), aside)
        if self._spec.layout == "series":
            return self._of_series(row, made, elements / total)
        return self._of_vector(row, made, elements / total)

    def _of_vector(self, row: NDArray[Any], made: Floats, shares: Floats) -> Explanation:
        """row: (features,). made, shares: of what the network sees, (d,)."""
        if not self._spec.schema.plain:
            shares = np.add.reduceat(shares, self._starts[:-1])
        found = []
        for i, share in self._largest(shares):
            feature, columns = self._feature(i), self._columns(i)
            expected = _expected(feature, self._restored(made[columns], columns))
            value = _value(feature, row[i])
            found.append(FeatureShare(_line(feature.name), share, value, expected))
        return _told(found)

    def _of_series(self, row: NDArray[Any], made: Floats, shares: Floats) -> Explanation:
        """row, made, shares: (C, T)."""
        found = []
        for i, share in self._largest(shares.sum(axis=1)):
            worst, feature = int(shares[i].argmax()), self._feature(i)
            expected = self._restored(made[i, worst : worst + 1], slice(i, i + 1))
            found.append(
                FeatureShare(
                    _line(feature.name), share, _value(feature, row[i, worst]),
                    _expected(feature, expected), _shortest_run(shares[i], worst), worst,
                )
            )  # fmt: skip
        return _told(found)

    def _largest(self, shares: Floats) -> list[tuple[int, float]]:
        """Positions of the largest shares, and the shares; of equal ones the first."""
        order = np.argsort(-shares, kind="stable")[: self._most].tolist()
        found = [(i, _rounded(float(shares[i]))) for i in order]
        return [(i, share) for i, share in found if share > 0]

    def _feature(self, i: int) -> Feature:
        named = self._spec.schema.features
        return named[i] if named else Feature(f"feature {i}")

    def _columns(self, i: int) -> slice:
        if self._spec.schema.plain:
            return slice(i, i + 1)
        return slice(int(self._starts[i]), int(self._starts[i + 1]))

    def _restored(self, made: Floats, columns: slice) -> Floats:
        """Columns or channels in the unit of the data."""
        scale, offset = self._spec.scale[columns], self._spec.offset[columns]
        restored: Floats = made * np.array(scale) + np.array(offset)
        return restored


def _of_picture(errors: Floats, aside: dict[str, float]) -> Explanation:
    """errors: (H, W)."""
    unplaced = {name: _rounded(share) for name, share in aside.items() if _rounded(share)}
    placed = max(0.0, 1.0 - sum(aside.values()))
    found = densest(errors)
    share = _rounded(placed * found.share)
    place = Place(*found[:4], share, round(found.area, 4))
    return Explanation(_rest([share, *unplaced.values()]), place=place, unplaced=unplaced)


def _told(found: list[FeatureShare]) -> Explanation:
    return Explanation(_rest([each.share for each in found]), tuple(found))


def _rounded(share: float) -> float:
    """Down to a ten-thousandth."""
    return math.floor(_FINEST * share + _ROUNDING) / _FINEST


def _rest(shares: list[float]) -> float:
    return max(0, _FINEST - sum(round(_FINEST * share) for share in shares)) / _FINEST


def _line(text: str) -> str:
    return without_controls(text)[:LONGEST]


def _value(feature: Feature, number: Any) -> Value:
    """A value of a record; None where it is missing."""
    # The shortest text that tells a float32 from others: 0.1, not 0.10000000149011612.
    value = float(str(number)) if isinstance(number, np.floating) else float(number)
    if math.isnan(value):
        return None
    if feature.kind == "boolean":
        return bool(value)
    return _line(feature.text(value)) if feature.kind == "category" else _finite(value)


def _expected(feature: Feature, columns: Floats) -> Value:
    """What a model expects of a feature. columns: reconstructed, in the unit of the data."""
    if not np.isfinite(columns).all():
        return None
    if feature.missing:
        if columns[-1] > 1 / 2:
            return None
        columns = columns[:-1]
    if feature.kind == "category":
        return _line((*feature.categories, OTHER)[int(columns.argmax())])
    if feature.kind == "boolean":
        return bool(columns[0] >= 1 / 2)
    return _finite(float(f"{columns[0]:.6g}"))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shortest_run(shares: Floats, worst: int) -> tuple[int, int]:
    """First and last of the fewest steps in a row, the worst one among them, that hold _STEPS of
    the sum; the first such.
    """
    upto = np.concatenate([[0.0], shares.cumsum()])
    starts = np.arange(worst + 1)
    wanted = upto[starts] + _STEPS * upto[-1] * (1 - _ROUNDING)
    ends = np.maximum(np.searchsorted(upto, wanted), worst + 1)  # one past the last step
    # From some steps on there is less left than wanted.
    lengths = np.where(ends < len(upto), ends - starts, len(upto))
    first = int(lengths.argmin())
    return first, int(ends[first]) - 1
