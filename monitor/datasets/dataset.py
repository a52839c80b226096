"""Dataset: records from files, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.schema import Schema
from monitor.datasets.watching import Advance, ignored
from monitor.errors import DataError

_BLOCK_ELEMENTS: Final = 1 << 22
"""Numbers checked at a time, so that a mapped file is never in memory as a whole."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Real, finite records, n >= 1.

    records: vectors (n, d) or images (n, H, W), (n, H, W, C), (n, C, H, W); read-only when the
    file is mapped. schema: of a vector's columns, none if they have no names; NaN stands where
    one may be missing. names: names of the records (an image's file), or (). index: (n,) position
    of each record in the file, from 0. carried: cells of other columns as text, n of each, by name.
    """

    records: NDArray[Any]
    schema: Schema
    names: tuple[str, ...]
    index: NDArray[np.int64]
    carried: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a vector's columns, or ()."""
        return self.schema.names

    def name(self, record: int) -> str:
        """The name of a record, or "record N", its position in the file."""
        return self.names[record] if self.names else f"record {self.index[record]}"


def check_form(records: NDArray[Any], source: str) -> None:
    """Raise DataError if the array cannot be records: dtype, rank or size."""
    if records.dtype.kind not in "buif":
        raise DataError(
            f"{source}: records must be real numbers, got dtype {records.dtype}."
            " Save them as numbers, for example with array.astype('float32')."
        )
    if records.ndim not in (2, 3, 4):
        advice = " Use array.reshape(-1, 1) for one number a record." if records.ndim == 1 else ""
        raise DataError(
            f"{source}: records must be vectors (n, d) or images (n, H, W), (n, H, W, C) or"
            f" (n, C, H, W), got shape {records.shape}.{advice}"
        )
    if records.size == 0:
        raise DataError(
            f"{source}: there are no values in shape {records.shape}. Give at least one record."
        )


def check_finite(data: Dataset, source: str, advance: Advance = ignored) -> None:
    """Raise DataError, which names the record, for a value that is NaN or infinite.

    advance: is told how many records were looked at.
    """
    records = data.records
    if records.dtype.kind != "f":
        return
    block = max(1, _BLOCK_ELEMENTS // math.prod(records.shape[1:]))
    for start in range(0, len(records), block):
        finite = np.isfinite(records[start : start + block])
        if not finite.all():
            row, *place = (int(i) for i in np.argwhere(~finite)[0])
            raise DataError(
                f"{source}: {data.name(start + row)} (counting from 0) holds"
                f" {records[(start + row, *place)]} {_place(place, data.features)}."
                " Remove the record or fill in the value; --missing skip leaves out those with nan."
            )
        advance(len(finite))


def _place(place: list[int], features: tuple[str, ...]) -> str:
    if len(place) == 1:
        return f"in column {features[place[0]]!r}" if features else f"in column {place[0]}"
    return f"at {tuple(place)}"
