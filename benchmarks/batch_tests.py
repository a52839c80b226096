"""Two-sample tests on windows of a stream, as batch tools have them, at the budget of a stream.

Both look at one window of W records after the other and compare it with calibration records. Their
level is W / 10^6, so that windows of independent records raise one false alarm in 10^6 records.

* Per feature a Kolmogorov-Smirnov test, its level divided by the number of features (Bonferroni):
  what Evidently, NannyML and alibi-detect (`KSDrift`) offer.
* The maximum mean discrepancy of what an encoder makes of the records, with a Gaussian kernel as
  wide as the median distance, and a permutation test: alibi-detect's `MMDDrift` (Gretton et al.,
  A Kernel Two-Sample Test, JMLR 13, 2012), built anew so that it needs nothing but torch. Its own
  100 permutations cannot tell a level below 1%; here there are as many as the level asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kstwo

Array = NDArray[Any]

BUDGET: Final = 1e6
"""Records for which there may be one false alarm."""
CHUNK: Final = 100
"""Permutations at a time: most windows are plainly in control, and need no more."""
PER_LEVEL: Final = 2
"""Permutations for each that would be as far out at the level."""


@dataclass(frozen=True)
class FeatureTests:
    """A Kolmogorov-Smirnov test of each feature. calibration: (n, d), sorted by feature."""

    calibration: Array
    window: int

    @classmethod
    def of(cls, calibration: Array, window: int) -> FeatureTests:
        """calibration: records (n, d), in any order."""
        return cls(np.sort(calibration, axis=0), window)

    @property
    def level(self) -> float:
        """Of one feature and window."""
        return float(self.window / BUDGET / self.calibration.shape[1])

    def p_value(self, rows: Array, feature: int) -> float:
        """Of one feature of these rows (m, d): asymptotic and two-sided, as scipy's is."""
        own, known = np.sort(rows[:, feature]), self.calibration[:, feature]
        at = np.concatenate([own, known])
        gaps = np.searchsorted(own, at, "right") / own.size
        gaps -= np.searchsorted(known, at, "right") / known.size
        size = own.size * known.size / (own.size + known.size)
        return float(kstwo.sf(np.abs(gaps).max(), round(size)))

    def rejects(self, rows: Array) -> bool:
        """Whether any feature of a window looks changed."""
        return any(self.p_value(rows, each) < self.level for each in range(rows.shape[1]))


@dataclass(frozen=True)
class KernelTest:
    """A test of the maximum mean discrepancy. known: calibration codes (n, k), standardised."""

    known: torch.Tensor
    centre: Array
    scale: Array
    window: int
    width: float

    @classmethod
    def of(cls, calibration: Array, window: int, rng: np.random.Generator) -> KernelTest:
        """calibration: codes (n, k), of which as many are kept as a window has."""
        kept = rng.permutation(len(calibration))[:window]
        centre, scale = calibration.mean(axis=0), calibration.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        known = torch.from_numpy(((calibration[kept] - centre) / scale).astype(np.float32))
        few = known[:1000]
        distances = torch.cdist(few, few)
        width = float(distances[distances > 0].median())
        return cls(known, centre, scale, window, width)

    @property
    def level(self) -> float:
        """Of one window."""
        return self.window / BUDGET

    def rejects(self, codes: Array, rng: np.random.Generator) -> bool:
        """Whether a window (m, k) looks changed; no further permutations once it cannot."""
        came = torch.from_numpy(((codes - self.centre) / self.scale).astype(np.float32))
        both = torch.cat([self.known, came])
        kernel = torch.cdist(both, both).square_().mul_(-0.5 / self.width**2).exp_()
        weights = np.full(len(both), -1.0 / len(came), dtype=np.float32)
        weights[: len(self.known)] = 1.0 / len(self.known)
        found = float(_discrepancy(kernel, weights[:, None])[0])
        needed, as_far = int(PER_LEVEL / self.level), 0
        for first in range(0, needed, CHUNK):
            count = min(CHUNK, needed - first)
            drawn = np.stack([rng.permutation(weights) for _ in range(count)], axis=1)
            as_far += int((_discrepancy(kernel, drawn) >= found).sum())
            if (1 + as_far) / (1 + needed) >= self.level:
                return False
        return True


def _discrepancy(kernel: torch.Tensor, weights: Array) -> Array:
    """Squared, of each column of weights."""
    each = torch.from_numpy(np.ascontiguousarray(weights))
    found: Array = (each * (kernel @ each)).sum(dim=0).numpy()
    return found
