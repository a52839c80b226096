"""`--where KEY=VALUE[,VALUE]` or `KEY!=VALUE[,VALUE]`: which records to keep, by their labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.datasets import arrays
from monitor.datasets.places import is_array
from monitor.datasets.request import Reading
from monitor.errors import DataError

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """key: a column, an array of the same file, or an array file. text: as the user wrote it."""

    key: str
    values: tuple[str, ...]
    keeps: bool
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises DataError for anything but KEY=VALUES and KEY!=VALUES."""
        match = re.fullmatch(r"(?P<key>[^=]*?)(?P<operator>!?==?)(?P<values>[^=]+)", text)
        values = [value.strip() for value in match["values"].split(",")] if match else []
        if match is None or not match["key"].strip() or not all(values):
            raise DataError(
                f"--where {text}: write KEY=VALUE, KEY=VALUE,VALUE or KEY!=VALUE,"
                " for example y_train=1"
            )
        keeps = not match["operator"].startswith("!")
        return cls(match["key"].strip(), tuple(values), keeps, text)

    def rows(self, labels: NDArray[Any], count: int) -> NDArray[np.int64]:
        """Ascending positions of the records to keep, at least one.

        labels: one a record, numbers, booleans or strings. Raises DataError if they are not
        `count`, or if none is chosen.
        """
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.shape != (count,):
            raise DataError(
                f"--where {self.text}: one label for each of the {count} records expected,"
                f" got an array of shape {labels.shape}"
            )
        matching = self._matching(labels)
        rows = np.flatnonzero(matching if self.keeps else ~matching)
        if rows.size == 0:
            raise DataError(
                f"--where {self.text}: no record is chosen; the labels are {_some(labels)}"
            )
        return rows.astype(np.int64)

    def _matching(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        if labels.dtype.kind == "b":
            labels = labels.astype(np.int64)
        if labels.dtype.kind in "uif":
            return np.isin(labels, [self._number(value) for value in self.values])
        texts = np.array([str(label).strip() for label in labels])
        return np.isin(texts, self.values)

    def _number(self, value: str) -> float:
        try:
            return float({"true": "1", "false": "0"}.get(value.lower(), value))
        except ValueError:
            raise DataError(
                f"--where {self.text}: the labels are numbers, and {value!r} is not"
            ) from None


def _some(labels: NDArray[Any]) -> str:
    known = list(dict.fromkeys(str(label) for label in labels[:100_000].tolist()))
    return ", ".join(sorted(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")


def thinned(rows: NDArray[np.int64], reading: Reading, source: str) -> NDArray[np.int64]:
    """At most `max_records` of the rows, said: the newest, or evenly chosen ones."""
    most = reading.max_records
    if not most or rows.size <= most:
        return rows
    how = "the newest" if reading.newest else "evenly chosen"
    reading.say(f"{source}: {most:,} of {rows.size:,} records taken, {how}")
    if reading.newest:
        return rows[-most:]
    return rows[np.linspace(0, rows.size - 1, most).astype(np.int64)]


def labels(where: Selection, columns: list[str] | None = None) -> NDArray[Any]:
    """Labels from an array file of their own."""
    name, _, key = where.key.rpartition(":") if ".npz:" in where.key else (where.key, "", None)
    if not is_array(name) or not Path(name).is_file():
        known = f"; the columns are {', '.join(columns[:_SHOWN])}" if columns else ""
        raise DataError(
            f"--where {where.text}: {where.key!r} is neither in the data file nor an array file"
            f" (.npy, or .npz:KEY){known}"
        )
    return arrays.read(Path(name), key)
