"""Which anomalies are explained: so many a second at most, the first that come.

An explanation takes a forward pass of its own, for one record. Normal records cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.explanation import RATE, Explained, Explanation, LeftOut
from monitor.stream.columns import Index

VALUES_PER_SECOND: Final = 1 << 20
"""Numbers of the records that are explained in a second, at most: seven colour pictures of
224 x 224, whose forward passes take a share of one core."""
_NEVER: Final = -1
"""Time of arrival of a record of which nobody told it."""


class RowExplainer(Protocol):
    """Says what carries the error of rows (B, *record_shape)."""

    def explain(self, records: NDArray[Any]) -> Sequence[Explained]:
        """In their order."""


class Explanations:
    """Explains anomalous rows, as many as the time in which they came allows.

    per_second: at most, and as many at once. elements: numbers in a row. `of` is called for one
    batch after the other, on any thread.
    """

    def __init__(self, explainer: RowExplainer, per_second: float, elements: int) -> None:
        self._explainer = explainer
        self._rate = min(per_second, VALUES_PER_SECOND / elements)
        self._most = max(1.0, self._rate)
        self._left = self._most
        self._latest: int | None = None

    def of(
        self, rows: NDArray[Any], anomalous: NDArray[np.bool_], arrivals: Index | None
    ) -> tuple[Explained, ...]:
        """For each anomalous row, in order, what carries its error, or why that is left out.

        rows: (R, *record_shape). anomalous: (R,). arrivals: milliseconds, of the batch's records;
        None if nobody tells: then as many of each batch as of a second.
        """
        self._refill(arrivals)
        # One by one: what is said of a record does not depend on those beside it.
        return tuple(self._one(rows[i : i + 1]) for i in anomalous.nonzero()[0].tolist())

    def _one(self, row: NDArray[Any]) -> Explained:
        if self._left < 1:
            return LeftOut(RATE)
        (found,) = self._explainer.explain(row)
        if isinstance(found, Explanation):
            self._left -= 1
        return found

    def _refill(self, arrivals: Index | None) -> None:
        now = _NEVER if arrivals is None else int(arrivals.max(initial=_NEVER))
        if now == _NEVER:
            self._left = self._most
            return
        passed = 0 if self._latest is None else max(0, now - self._latest)
        self._latest = now if self._latest is None else max(now, self._latest)
        self._left = min(self._most, self._left + self._rate * passed / 1000)
