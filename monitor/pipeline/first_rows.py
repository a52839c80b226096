"""Whether the first rows of a stream look at all like those that the model was trained on.

A wrong type, unit or order of the numbers gives rows that can be scored, and are all anomalous.
That says itself better here, once, than as a million anomalies. After the first thousand rows
nothing is looked at any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.pipeline.scored import Decode

KINDS: Final = ("outside", "one_point", "missing")
"""What may be wrong with them.

outside: far from the usual values. one_point: they hardly differ. missing: a feature never comes.
"""
EARLY: Final = 100
"""Rows after which values far outside are told; what hardly differs yet may still."""
ROWS: Final = 1000
FAR: Final = 3.0
"""Widths of the usual range beyond its ends."""
ONE_POINT: Final = 5e-3
"""Of the width of the usual range: bytes that came as shares of 255 vary by less."""
_ALWAYS: Final = 0.99
"""Share of the rows in which a feature is outside, for it to be named."""
_MANY: Final = 0.1
"""Share of the features that are outside in nearly every row, whichever they are."""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. kind: one of KINDS. text: what it is, an example, and what to check."""

    kind: str
    text: str


class FirstRows:
    """Looks at rows until it has seen ROWS. finding: what is wrong with them, or None."""

    def __init__(self, spec: InputSpec) -> None:
        columns = spec.record_shape[0] if spec.layout == "vector" else spec.shape[0]
        known = len(spec.ranges) == columns
        self._spec = spec
        ranges = np.array(spec.ranges if known else [], dtype=np.float64).reshape(-1, 2)
        self._low, self._high = ranges.T
        self._width = self._high - self._low
        numbers = [f.kind == "number" for f in spec.schema.features] or [True] * len(ranges)
        self._judged = np.isfinite(self._width) & (self._width > 0)
        self._judged &= np.array(numbers, dtype=np.bool_) if len(numbers) == len(ranges) else True
        self._outside = np.zeros(len(ranges), dtype=np.int64)
        self._missing = np.zeros(len(ranges), dtype=np.int64)
        self._many_outside = self._seen = 0
        self._least = np.full(len(ranges), np.inf)
        self._greatest = np.full(len(ranges), -np.inf)
        self._early = False
        self.finding: Finding | None = None
        self.open = bool(self._judged.any())

    def look(self, rows: NDArray[Any]) -> None:
        """Look at rows (n, *record_shape), as long as `open`."""
        least, greatest = self._extremes(rows[: ROWS - self._seen])
        if least.shape[1] != self._low.size:
            self.open = False  # records in the shape that the network sees
            return
        with np.errstate(invalid="ignore"):
            outside = (least < self._low - FAR * self._width) | (
                greatest > self._high + FAR * self._width
            )
        outside &= self._judged
        self._outside += outside.sum(axis=0)
        self._missing += np.isnan(least).sum(axis=0)
        self._many_outside += int((outside.mean(axis=1) >= _MANY).sum())
        self._least = np.fmin(self._least, np.fmin.reduce(least, axis=0))
        self._greatest = np.fmax(self._greatest, np.fmax.reduce(greatest, axis=0))
        self._seen += len(least)
        self._decide()

    def _extremes(self, rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest value of each row, per feature or channel."""
        if rows.ndim == 2:  # vectors, or steps of series
            values = rows.reshape(len(rows), -1).astype(np.float64)
            return values, values
        pictures = self._spec.in_network_shape(rows).reshape(len(rows), self._spec.shape[0], -1)
        return pictures.min(axis=2).astype(np.float64), pictures.max(axis=2).astype(np.float64)

    def _decide(self) -> None:
        """Set the finding when enough was seen."""
        if self._seen >= EARLY and not self._early and self.finding is None:
            self._early = True
            self.finding = self._far()
        if self._seen < ROWS:
            return
        self.open = False
        if self.finding is None:
            self.finding = self._far() or self._alike() or self._absent()

    def _far(self) -> Finding | None:
        always = np.flatnonzero(self._outside >= _ALWAYS * self._seen)
        if not always.size and self._many_outside < _ALWAYS * self._seen:
            return None
        worst = always if always.size else np.argsort(-self._outside, kind="stable")[:_NAMED]
        examples = "; ".join(self._example(int(i)) for i in worst[:_NAMED])
        more = f"; and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
        return Finding(
            "outside",
            f"the first {self._seen:,} rows are far outside what the model was trained on:"
            f" {examples}{more}. Check the unit, the order of the features, codec.dtype and"
            " codec.byte_order",
        )

    def _example(self, i: int) -> str:
        """A feature with what came and what is usual."""
        text = (
            f"{self._name(i)} is {self._least[i]:.6g} to {self._greatest[i]:.6g}, and was"
            f" {self._low[i]:.6g} to {self._high[i]:.6g}"
        )
        usual, came = self._low[i] + self._high[i], self._least[i] + self._greatest[i]
        factor = came / usual if usual else np.inf
        if np.isfinite(factor) and factor > 0 and (factor > 5 or factor < 0.2):
            text += (
                f" (about {factor:,.0f} times)" if factor > 5 else f" (about {factor:.2g} times)"
            )
        return text

    def _alike(self) -> Finding | None:
        spread = (self._greatest - self._least)[self._judged] / self._width[self._judged]
        if not (spread < ONE_POINT).all():
            return None
        example = self._example(int(np.flatnonzero(self._judged)[0]))
        return Finding(
            "one_point",
            f"the first {self._seen:,} rows hardly differ, where the training data did: {example}."
            " Is the source stuck, or are the numbers scaled in another way? Check the unit and"
            " codec.dtype",
        )

    def _absent(self) -> Finding | None:
        never = np.flatnonzero(self._missing == self._seen)
        if not never.size:
            return None
        names = ", ".join(self._name(int(i)) for i in never[:_NAMED])
        return Finding(
            "missing",
            f"the first {self._seen:,} rows have no value for {names}. Has the key another name?",
        )

    def _name(self, i: int) -> str:
        if self._spec.schema.names:
            return f"{self._spec.schema.names[i]!r:.80}"
        if self._spec.is_image:
            return "brightness" if len(self._low) == 1 else f"channel {i}"
        return f"value {i}"


class Watched:
    """A decoder whose first rows are looked at."""

    def __init__(self, decode: Decode, first_rows: FirstRows) -> None:
        self._decode = decode
        self._first_rows = first_rows

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[Any]:
        """The rows of one payload; they are not looked at."""
        return self._decode(value, headers)

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        """The rows of many."""
        decoded = self._decode.all(values, headers)
        if self._first_rows.open and len(decoded.rows):
            self._first_rows.look(decoded.rows)
        return decoded
