"""Context by a column: in which cell of a table the value of one feature of a record lies.

A feature with few values (a category, the number of a machine) has a cell for each value. Another
one has up to CELLS cells: half of the bounds between them have equally many calibration records
between them, so that cells are narrow where records are, and half are equally far from each other,
so that none is wide where records are few. Missing values have a cell of their own, the last, if
calibration had some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.schema import Feature

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

PREFIX: Final = "field:"
"""How a context by a column is asked for: with the name of the feature after it."""
CELLS: Final = 256
FEW: Final = 64
"""Different values up to which each has a cell."""
ROUNDING: Final = 1e-7
"""Share of a value that another one may differ by and be the same: training files may be float64
where payloads are float32."""
_KEYS: Final = frozenset({"feature", "few", "missing", "values"})


@dataclass(frozen=True, eq=False)
class ContextColumn:
    """The cells of one feature.

    feature: what it is. place: its position among the features, or among the channels of a series,
    whose last step counts. few: each of the values has a cell. values: (k,), ascending and finite:
    those with a cell, or else the least and greatest of calibration with the bounds between cells
    among them. missing: missing values have a cell.
    """

    feature: Feature
    place: int
    few: bool
    values: Floats
    missing: bool

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.known + self.missing

    @property
    def known(self) -> int:
        """Cells of values that are not missing."""
        return self.values.size if self.few else self.values.size - 1

    @cached_property
    def middle(self) -> Floats:
        """The value that stands for each cell, (known,)."""
        return self.values if self.few else self._between

    @cached_property
    def _between(self) -> Floats:
        return (self.values[1:] + self.values[:-1]) / 2

    def of(self, records: NDArray[Any]) -> Floats:
        """The value of the feature in each of the records (n, *record_shape), (n,)."""
        return _values(records, self.place)

    def cells(self, values: Floats) -> Index:
        """The cell of each of the values (n,); -1 of those that calibration had none like.

        What lies beyond the least and the greatest value is in the cell at that end.
        """
        missing = np.isnan(values)
        if self.few:
            found = self._between.searchsorted(values)
            nearest = self.values[found]
            alike = np.abs(nearest - values) <= ROUNDING * np.abs(nearest)
            found = np.where(alike, found, -1)
        else:
            found = self.values[1:-1].searchsorted(values, side="right")
        return np.where(missing, self.size - 1 if self.missing else -1, found).astype(np.int64)

    def text(self, cell: int) -> str:
        """What a cell is of, for people."""
        if cell >= self.known:
            return "missing"
        return f"{self.feature.name} {self.feature.text(float(self.middle[cell]))}"

    @classmethod
    def varies(cls, name: str, spec: InputSpec, records: NDArray[Any]) -> bool:
        """Whether there are several values in records. Raises ValueError for an unknown name."""
        numbers = _values(records, _found(name, spec)[1])
        return bool(np.unique(numbers[~np.isnan(numbers)]).size > 1)

    @classmethod
    def learned(cls, name: str, spec: InputSpec, records: NDArray[Any]) -> Self:
        """Of calibration records (n, *record_shape). Raises ValueError for what cannot be."""
        feature, place = _found(name, spec)
        numbers = _values(records, place)
        there = numbers[~np.isnan(numbers)]
        different = np.unique(there)
        if different.size < 2:
            raise ValueError(f"{name!r:.80} has the same value in all calibration records")
        few = different.size <= FEW
        if not few:
            parts = CELLS // 2 + 1
            evenly = np.linspace(different[0], different[-1], parts)
            usual = np.quantile(there, np.linspace(0, 1, parts))
            different = np.unique(np.concatenate([evenly, usual]))
        return cls(feature, place, few, different, bool(there.size < numbers.size))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "feature": self.feature.name,
            "few": self.few,
            "missing": self.missing,
            "values": self.values.tolist(),
        }

    @classmethod
    def from_json(cls, document: Any, spec: InputSpec) -> Self:
        """What `to_json` was called on, of a model of such records. Raises ValueError."""
        if not isinstance(document, Mapping) or set(document) != _KEYS:
            raise ValueError(f"the column of a context needs the keys {', '.join(sorted(_KEYS))}")
        feature, place = _found(document["feature"], spec)
        few, missing, listed = document["few"], document["missing"], document["values"]
        numbers = isinstance(listed, list) and all(type(each) is float for each in listed)
        if type(few) is not bool or type(missing) is not bool or not numbers:
            raise ValueError("the column of a context holds values that cannot be")
        values = np.array(listed, dtype=np.float64)
        most = FEW if few else CELLS + 1
        if not 2 <= values.size <= most or not np.isfinite(values).all():
            raise ValueError("the column of a context has another number of cells")
        if not (np.diff(values) > 0).all():
            raise ValueError("the values of a context's column do not ascend")
        return cls(feature, place, few, values, missing)


def _values(records: NDArray[Any], place: int) -> Floats:
    column = records[:, place] if records.ndim == 2 else records[:, -1, place]
    return column.astype(np.float64)


def names_of(spec: InputSpec) -> tuple[str, ...]:
    """Of the features of a vector, or the channels of a series, as channels name them."""
    return spec.features or tuple(f"feature {i}" for i in range(spec.record_shape[-1]))


def check_name(name: Any, names: Sequence[str]) -> None:
    """Raise ValueError if a feature is not among these."""
    if name not in names:
        known = ", ".join(repr(each)[:80] for each in names[:10])
        more = f" and {len(names) - 10} more" * (len(names) > 10)
        raise ValueError(f"there is no feature {name!r:.80}; there are {known}{more}")


def _found(name: Any, spec: InputSpec) -> tuple[Feature, int]:
    if spec.is_image:
        raise ValueError("pictures have no features")
    names = names_of(spec)
    check_name(name, names)
    place = names.index(name)
    features = spec.schema.features
    return features[place] if features else Feature(name), place
