"""The course of the errors over a stream of any length, in a bounded number of equal pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.distribution import bucket_values

MOST: Final = 256
"""Pieces, at most; there are half as many or more once there were so many."""
FEWEST_RECORDS: Final = 64
"""Records of a piece, at least."""


class Course:
    """Counts errors in pieces of equally many consecutive records.

    When there are too many pieces, each two become one, which loses nothing of quantiles but
    where in the piece they were. records: of a piece, all but the last.
    """

    def __init__(self) -> None:
        self.records = FEWEST_RECORDS
        self._pieces: list[BucketCounts] = []
        self._open: list[NDArray[np.float64]] = []
        self._held = 0

    def add(self, errors: NDArray[np.float64]) -> None:
        """The errors (n,) of the next records; NaN where one has none."""
        while errors.size:
            part = errors[: self.records - self._held]
            self._open.append(part.copy())
            self._held += part.size
            errors = errors[part.size :]
            if self._held == self.records:
                self._pieces.append(self._closed())
                self._open, self._held = [], 0
                if len(self._pieces) == MOST:
                    self._halve()

    def quantiles(self, level: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of each piece: its first record, and a quantile of its errors, NaN if it has none."""
        pieces = [*self._pieces, self._closed()] if self._held else self._pieces
        starts = self.records * np.arange(len(pieces), dtype=np.int64)
        return starts, np.array([_quantile(piece, level) for piece in pieces])

    def _closed(self) -> BucketCounts:
        errors = np.concatenate(self._open)
        return BucketCounts.from_errors(errors[~np.isnan(errors)])

    def _halve(self) -> None:
        pairs = zip(self._pieces[::2], self._pieces[1::2], strict=True)
        self._pieces = [BucketCounts.merged(pair) for pair in pairs]
        self.records *= 2


def _quantile(piece: BucketCounts, level: float) -> float:
    if not piece.total:
        return np.nan
    upto = piece.counts.cumsum()
    at = int(upto.searchsorted(level * piece.total))
    return float(bucket_values[piece.buckets[min(at, upto.size - 1)]])
