"""The ways in which errors can drift that the betting test looks for, and their words.

Each is tested upward (a bet that rises with the error) and downward: errors that shrink, or
gather around one value, are drift as well. A change of another shape is found by the bet that it
resembles most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALES: Final = (1.05, 1.1, 1.2, 1.5, 2.0, 4.0)
CONTAMINATIONS: Final = (0.005, 0.02, 0.1)
CONTAMINATED: Final = 5.0
NARROWINGS: Final = (0.85, 0.6)
WIDER: Final = (1.25, 1.6)
COLLAPSED: Final = "errors have collapsed: stuck or blank input?"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One kind of drift. kind: scale, contamination, narrowing or widening; size: factor or
    share.
    """

    kind: str
    size: float
    upward: bool

    @property
    def direction(self) -> str:
        """larger, smaller, narrower or wider."""
        if self.kind == "widening":
            return "wider"
        if self.kind == "narrowing":
            return "narrower"
        return "larger" if self.upward else "smaller"

    @property
    def monotone(self) -> bool:
        """Whether the bet on it rises, or falls, with the error all along."""
        return self.kind != "widening"

    def words(self, tolerance: float) -> str:
        """What a person should read. tolerance: relative change that comes on top of `size`."""
        if self.kind == "widening":
            return "some are larger and some smaller than usual"
        if self.kind == "narrowing":
            side = "small" if self.upward else "large"
            return f"errors have gathered around the middle, few are {side}: stuck input?"
        if self.kind == "contamination":
            what = "worse" if self.upward else "smaller than usual"
            return f"{100 * self.size:g}% of records are about {CONTAMINATED:g} times {what}"
        if self.size == SCALES[-1] and not self.upward:
            return COLLAPSED
        factor = self.size * (1 + tolerance)
        return f"errors are about {factor:.2g} times {'larger' if self.upward else 'smaller'}"

    def probabilities(
        self, sample: Floats, edges: Floats, tolerated: float, null: Floats
    ) -> Floats:
        """Probability of each bin under this alternative, (K,).

        sample: ascending errors without drift. edges: (K - 1,), upper ends of the bins but the
        last. tolerated: the factor of the tolerance's edge on this side. null: (K,), the
        probabilities there.
        """
        if self.kind in ("narrowing", "widening"):
            middle = float(sample[sample.size // 2])
            if middle <= 0:
                return null
            # Narrowed errors lie below an edge where the errors lay below the widened edge.
            return bin_probabilities(sample, middle * (edges / middle) ** (1 / self.size))
        share = self.size if self.kind == "contamination" else 1.0
        factor = CONTAMINATED if self.kind == "contamination" else self.size
        moved = tolerated * factor if self.upward else tolerated / factor
        changed = bin_probabilities(sample, edges / moved)
        if self.upward and sample[-1] <= 0:
            changed = np.append(np.zeros(edges.size), 1.0)  # no factor moves an error of zero
        return (1 - share) * null + share * changed


def bin_probabilities(sample: Floats, edges: Floats) -> Floats:
    """Share of an ascending sample in each bin between the edges, (len(edges) + 1,)."""
    below = np.searchsorted(sample, edges, side="right") / sample.size
    return np.diff(below, prepend=0.0, append=1.0)


ALTERNATIVES: Final = tuple(
    Alternative(kind, size, upward)
    for kind, sizes in (
        ("scale", SCALES),
        ("contamination", CONTAMINATIONS),
        ("narrowing", NARROWINGS),
    )
    for size in sizes
    for upward in (True, False)
)
WIDENINGS: Final = tuple(Alternative("widening", size, upward=True) for size in WIDER)
"""Both ends at once. The mean of such a bet is largest at one end of the tolerance or the other,
not at a known one, as it is neither rising nor falling: the error itself bets on its ends apart."""
