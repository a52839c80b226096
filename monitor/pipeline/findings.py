"""What scoring a file showed: counts, quantiles, and the records with the highest errors.

Its memory does not grow with the number of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.distribution import ErrorDistribution
from models.reconstruction import finite
from monitor.datasets import Dataset
from monitor.stream.records import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A record with a high error. record: a copy of its own."""

    name: str
    record: NDArray[Any]
    error: float
    p_value: float
    anomalous: bool


class Findings:
    """Of records in order. top: those with the highest errors, the highest first, the earlier one
    of two that are equal; as many as were asked for, or all.
    """

    def __init__(self, top: int) -> None:
        self._wanted = top
        self._distribution = ErrorDistribution()
        self.top: list[Finding] = []
        self.count = 0
        self.anomalous = 0
        self.largest = 0.0

    def add(self, data: Dataset, scores: Scores) -> None:
        """Count more records."""
        errors = scores.reconstruction_error
        self.count += len(errors)
        self.anomalous += int(scores.anomalous.sum())
        self.largest = float(np.maximum(self.largest, errors.max()))
        self._distribution.add(finite(errors))
        self._keep_top(data, scores)

    def quantiles(self, levels: Sequence[float]) -> tuple[float, ...]:
        """Quantiles of the errors, within 0.5%."""
        return tuple(float(value) for value in self._distribution.quantiles(levels))

    @property
    def top_records(self) -> NDArray[Any]:
        """The records of `top`, (n, *record_shape)."""
        return np.stack([row.record for row in self.top])

    def _keep_top(self, data: Dataset, scores: Scores) -> None:
        errors = scores.reconstruction_error
        known = np.array([row.error for row in self.top])
        both = np.concatenate([known, errors])
        best = np.argsort(-both, kind="stable")[: self._wanted].tolist()
        new = {i: self._finding(data, scores, i - len(known)) for i in best if i >= len(known)}
        self.top = [new[i] if i in new else self.top[i] for i in best]

    @staticmethod
    def _finding(data: Dataset, scores: Scores, i: int) -> Finding:
        return Finding(
            data.name(i),
            np.array(data.records[i]),
            float(scores.reconstruction_error[i]),
            float(scores.p_values(scores.reconstruction_error[i : i + 1])[0]),
            bool(scores.anomalous[i]),
        )
