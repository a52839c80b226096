"""Schema: which columns a model's records have, by name, and how each becomes numbers.

It is made once, from the training file, and travels in the bundle: files and payloads are taken
by its names wherever they have names.

A record is a row of numbers, one a feature. A category is the position of its value in
`categories`, and `len(categories)` for every other value; a boolean is 0 or 1; what is missing is
NaN. The network sees more columns than that:

    number, boolean    the value
    category           one column for each value, and one for every other; 1 where it is the value
    may be missing     one more: 1 where it is missing (the value then stands at the usual one)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError

Kind = Literal["number", "boolean", "category"]

MAX_CATEGORIES: Final = 1 << 12
OTHER: Final = "(other)"
"""Name of the column for values that training did not see."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the records.

    categories: values of a category, as text, without repetition. missing: it may be missing.
    Raises ValueError.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()
    missing: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be {', '.join(get_args(Kind))}, got {self.kind!r:.80}")
        if (self.kind == "category") != bool(self.categories):
            raise ValueError(f"{self.name!r:.80}: a category has values, and nothing else has")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"{self.name!r:.80}: a value is there twice")
        if len(self.categories) > MAX_CATEGORIES:
            raise ValueError(f"{self.name!r:.80}: more than {MAX_CATEGORIES} values")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns, as the network sees it."""
        named: tuple[str, ...] = (self.name,)
        if self.kind == "category":
            named = tuple(f"{self.name}={value}" for value in (*self.categories, OTHER))
        return (*named, f"{self.name} is missing") if self.missing else named

    def code(self, value: str) -> int:
        """The number that stands for a value of a category."""
        try:
            return self.categories.index(value)
        except ValueError:
            return len(self.categories)

    def text(self, number: float) -> str:
        """A value of a record in words, for people."""
        if np.isnan(number):
            return "missing"
        if self.kind == "boolean":
            return "true" if number else "false"
        if self.kind == "category":
            code = int(number)
            return self.categories[code] if 0 <= code < len(self.categories) else OTHER
        return f"{number:.6g}"


@dataclass(frozen=True)
class Schema:
    """The features of one model, in order; none if they have no names.

    Raises ValueError for names that repeat.
    """

    features: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            repeated = [name for name in set(self.names) if self.names.count(name) > 1]
            raise ValueError(f"features must differ in name: {', '.join(sorted(repeated))} repeat")

    @classmethod
    def numbers(cls, names: Sequence[str]) -> Self:
        """Of features that are numbers and never missing."""
        return cls(tuple(Feature(name) for name in names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of what the network sees."""
        return tuple(name for feature in self.features for name in feature.columns)

    @cached_property
    def plain(self) -> bool:
        """Whether the network sees records as they are."""
        return all(f.kind != "category" and not f.missing for f in self.features)

    @cached_property
    def may_be_missing(self) -> NDArray[np.bool_]:
        """Bool (d,): where NaN is a value."""
        return np.array([feature.missing for feature in self.features], dtype=np.bool_)

    def expand(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Records (n, d) as columns for the network, (n, len(columns)); NaN where one is missing.

        Raises ShapeError for rows of another width.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise ShapeError(f"rows of {len(self.features)} features expected, got {rows.shape}.")
        if self.plain:
            return rows
        dtype = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
        out = np.zeros((len(rows), len(self.columns)), dtype=dtype)
        sources, targets, indicators = self._values
        out[:, targets] = rows[:, sources]
        for source, start, count in self._categories:
            codes = rows[:, source]
            there = np.flatnonzero(~np.isnan(codes))
            known = np.clip(codes[there], 0, count - 1).astype(np.int64)
            out[there, start + known] = 1
        missing = np.flatnonzero(self.may_be_missing)
        out[:, indicators] = np.isnan(rows[:, missing])
        return out

    @cached_property
    def binary(self) -> NDArray[np.bool_]:
        """Bool (len(columns),): where the network sees nothing but 0 and 1."""
        values = np.ones(len(self.columns), dtype=np.bool_)
        numbers = [f.kind == "number" for f in self.features if f.kind != "category"]
        values[self._values[1][numbers]] = False
        return values

    @cached_property
    def _values(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Features that are one value, where that goes, and where the indicators of missing are."""
        sources, targets, indicators, at = [], [], [], 0
        for position, feature in enumerate(self.features):
            if feature.kind != "category":
                sources.append(position)
                targets.append(at)
            at += len(feature.columns)
            if feature.missing:
                indicators.append(at - 1)
        return tuple(np.array(each, dtype=np.int64) for each in (sources, targets, indicators))  # type: ignore[return-value]

    @cached_property
    def _categories(self) -> tuple[tuple[int, int, int], ...]:
        """For each category: its position, its first column, and how many it has for values."""
        found, at = [], 0
        for position, feature in enumerate(self.features):
            if feature.kind == "category":
                found.append((position, at, len(feature.categories) + 1))
            at += len(feature.columns)
        return tuple(found)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values for JSON."""
        return [
            {**asdict(feature), "categories": list(feature.categories)} for feature in self.features
        ]

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """What `to_json` was called on; ValueError for anything else."""
        if not isinstance(document, list):
            raise ValueError("schema must be a list of features")
        return cls(tuple(_feature(each) for each in document))


def _feature(document: Any) -> Feature:
    keys = {"name", "kind", "categories", "missing"}
    if not isinstance(document, Mapping) or set(document) != keys:
        raise ValueError(f"a feature needs exactly the keys {', '.join(sorted(keys))}")
    name, categories = document["name"], document["categories"]
    if type(name) is not str or type(document["missing"]) is not bool:
        raise ValueError("a feature's name must be text, and missing true or false")
    if not isinstance(categories, list) or any(type(each) is not str for each in categories):
        raise ValueError(f"{name!r:.80}: categories must be a list of texts")
    return Feature(name, document["kind"], tuple(categories), document["missing"])
