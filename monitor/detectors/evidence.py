"""What a detector says: how strong the evidence is, and what kind of drift it points to."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.blocks import Position
from monitor.records import Partition


@dataclass(frozen=True, slots=True)
class Evidence:
    """Strength of the evidence after a block, as log10.

    statistic: higher is stronger; drift is suspected, or confirmed, at or above `threshold`.
    """

    statistic: float
    threshold: float

    @property
    def drifting(self) -> bool:
        """True when drift is suspected, or confirmed."""
        return self.statistic >= self.threshold


@dataclass(frozen=True, slots=True)
class Finding:
    """The kind of drift that explains the evidence best.

    direction: larger, smaller, narrower, wider or none. words: the same for people. onset: where
    the drift seems to have begun, or None if the detector does not tell. partition: the one that
    it shows in, or None if it shows in all taken together.
    """

    direction: str
    words: str
    onset: Position | None = None
    partition: Partition | None = None


NOTHING = Finding("none", "no drift")
