"""When the records of a file came: what a column of theirs says, or an even rate."""

from __future__ import annotations

import math
import re
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.backtest.instants import FORMS, NONE, looks_finer, milliseconds
from monitor.datasets import Dataset
from monitor.drift.simulation import START
from monitor.errors import DataError, UserError
from monitor.stream.json_values import isoformat

Index = NDArray[np.int64]
USUAL_RATE: Final = 500.0
"""Records a second where nobody says when they came; that of `simulate`."""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_RATE: Final = re.compile(r"(?P<count>\S+)\s+per\s+(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>[smhdwy])")


def rate_of(text: str) -> float:
    """Records a second, from text such as 500 or "48 per 1d"; raises UserError."""
    match = _RATE.fullmatch(text.strip())
    try:
        count = float(match["count"] if match else text)
        seconds = float(match["amount"]) * _SECONDS[match["unit"]] if match else 1.0
        rate = count / seconds
    except (ValueError, ZeroDivisionError):
        rate = math.nan
    if not 0 < rate <= 1e9:
        raise UserError(
            f"--rate: must be records a second, more than 0, or N per TIME such as"
            f" '48 per 1d', got {text!r:.80}"
        )
    return rate


class Times(Protocol):
    """Says when the records of consecutive parts of a file came. words: how, for people.
    column: the one that says it, or None. rate: records a second, or None where a column says."""

    words: str
    column: str | None
    rate: float | None

    def of(self, data: Dataset) -> Index:
        """Milliseconds since the epoch (n,), never less than those before."""


class Even:
    """So many records a second, the first one at START."""

    def __init__(self, rate: float, given: str = "") -> None:
        self.rate: float | None = rate
        self.column: str | None = None
        self._rate, self._count = rate, 0
        said = given or f"{rate:g} a second, the default (give --rate or --time-column)"
        self.words = f"taken as even, {said}, from {isoformat(START)}"

    def of(self, data: Dataset) -> Index:
        """The next so many."""
        places = self._count + np.arange(len(data.records))
        self._count += places.size
        return START + (1000 * places / self._rate).astype(np.int64)


class OfColumn:
    """What a column says, which goes along with the records. unit: of numbers, None if nobody
    said. source: of the records, and option: that named the column, for people."""

    def __init__(
        self, column: str, unit: str | None, source: str, option: str = "--time-column"
    ) -> None:
        self.rate: float | None = None
        self.column: str | None = column
        self.words = f"column {column!r}"
        self._name, self._unit, self._source, self._option = column, unit, source, option
        self._last: tuple[int, str] | None = None

    def of(self, data: Dataset) -> Index:
        """Raises DataError for a cell that is no time, or lies before the one above it."""
        found, texts = self._found(data)
        self._check_order(found, texts, data)
        self._last = int(found[-1]), str(texts[-1].as_py())
        return found

    def read(self, data: Dataset) -> Index:
        """The same in any order. Raises DataError for a cell that is no time."""
        return self._found(data)[0]

    def _found(self, data: Dataset) -> tuple[Index, pa.Array]:
        if self._name not in data.carried:
            raise DataError(
                f"{self._source}: no column {self._name!r}, which is to say when records came."
                f" Name one of a table with {self._option}{self._instead}"
            )
        texts = pa.array(data.carried[self._name], pa.string())
        if self._last is None and self._unit is None and looks_finer(texts[0].as_py() or ""):
            raise self._fault(
                f"{texts[0].as_py()!r} in {data.name(0)} is too large for seconds since the epoch."
                " Say --time-unit ms, us or ns"
            )
        found = milliseconds(texts, self._unit)
        self._check(found, texts, data)
        return found, texts

    @property
    def _instead(self) -> str:
        rate = self._option == "--time-column"
        return ", or say how many came a second: --rate" if rate else ""

    def _check(self, found: Index, texts: pa.Array, data: Dataset) -> None:
        if (found == NONE).any():
            at = int((found == NONE).argmax())
            text = texts[at].as_py()
            said = "there is none" if not text else f"{text!r:.60} is no time"
            raise self._fault(
                f"{said} in {data.name(at)} (counting from 0). Write times as {FORMS}, or as"
                f" numbers with --time-unit{self._instead}"
            )

    def _check_order(self, found: Index, texts: pa.Array, data: Dataset) -> None:
        before = found[0] if self._last is None else self._last[0]
        back = np.diff(found, prepend=before) < 0
        if back.any():
            at = int(back.argmax())
            earlier = texts[at - 1].as_py() if at else (self._last or (0, ""))[1]
            raise self._fault(
                f"goes back in time, {texts[at].as_py()} after {earlier}, in {data.name(at)}"
                f" (counting from 0). Sort the records by {self._name}, or take an even rate:"
                " --rate"
            )

    def _fault(self, text: str) -> DataError:
        return DataError(f"{self._source}: {self._option} {self._name}: {text}")
