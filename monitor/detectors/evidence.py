"""What a detector says of one window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The strength and the kind of a difference between window and reference.

    statistic: evidence for drift, higher is stronger; drift is suspected at or above
    `threshold`, and called over only below `clear`. direction: larger, smaller or none.
    quantile: the reference quantile that stands out most. effect_size: error of the window
    over that of the reference there; 1 is no change, nan when either is zero or unknown.
    """

    statistic: float
    threshold: float
    clear: float
    direction: str
    quantile: float
    effect_size: float
    explanation: str

    @property
    def drifting(self) -> bool:
        """True when drift is suspected."""
        return self.statistic >= self.threshold

    @property
    def calm(self) -> bool:
        """True when an earlier suspicion no longer stands (hysteresis: a lower level)."""
        return self.statistic < self.clear
