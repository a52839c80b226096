"""Drift detectors, one a file: each compares a window of errors with the reference.

A detector is frozen once built: it judges a window and keeps no state of its own. Memory of
earlier verdicts (pending, firing) belongs to `episodes`. To add one: write its file, give it
the `Detector` form, and name it in `DETECTORS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.detectors.binomial import BinomialExceedance
from monitor.detectors.evidence import Evidence


class Detector(Protocol):
    """Judges a window against the reference that the detector was built with."""

    def evaluate(self, window: ErrorDistribution) -> Evidence:
        """Return the evidence for drift in the window. A window of any size is allowed."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What every detector is told.

    tolerance: relative change of the error that is not worth an alarm (0.05 is 5%).
    records_per_false_alarm: false-alarm budget. evaluation_records: rows between two looks.
    """

    tolerance: float
    records_per_false_alarm: float
    evaluation_records: int


DETECTORS: dict[str, Callable[[Reference, DetectorSettings], Detector]] = {
    "binomial": lambda reference, settings: BinomialExceedance(
        reference,
        tolerance=settings.tolerance,
        looks=settings.records_per_false_alarm / settings.evaluation_records,
    ),
}

__all__ = ["DETECTORS", "BinomialExceedance", "Detector", "DetectorSettings", "Evidence"]
