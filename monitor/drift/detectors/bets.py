"""Bets on bins of the error, each of which loses on average while there is no drift.

A bet multiplies its capital by f[k] for each record whose error falls into bin k. If the mean of
f is at most 1, the capital is a supermartingale: large capital is evidence against "no drift",
whenever one looks (Shafer, Testing by betting, JRSS A 184, 2021; Ramdas et al., Game-theoretic
statistics and safe anytime-valid inference, Statistical Science 38, 2023).

Built once from the reference, in two halves that share no error:

1. The shaping errors give the bin edges (their order statistics) and, for each alternative such
   as "errors 1.5 times larger", the ratio of the bins' probabilities under it and under "no
   drift", made monotone by isotonic regression.
2. The bounding errors, scaled to the edge of the tolerance, give an upper confidence bound of
   the mean of each bet, by which it is divided. As the bet is monotone, its mean is then at most
   1 under every law within the tolerance, except for `FAILURE` of all calibration sets.

The bound is the mean plus a normal quantile with the skewness correction of Hall (JRSS B 54,
1992, section 2), and an exact term for bins that no bounding error fell into.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.distribution import bucket_edges, bucket_index
from models.reference import Reference
from monitor.drift.detectors.alternatives import ALTERNATIVES, Alternative, bin_probabilities
from monitor.drift.detectors.isotonic import isotonic

FAILURE: Final = 0.01
"""Chance that any bound of one calibration set fails."""
LEVELS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9,
                 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # fmt: skip
MIN_OUTSIDE: Final = 5
"""Shaping errors that must lie beyond an edge."""
LARGEST_FACTOR: Final = 50.0
SMALLEST_FACTOR: Final = 0.02
FEWEST_EDGES: Final = 6
"""Below this the errors are so few or so alike that more edges are put around them."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bets:
    """K bins and C bets on them.

    bin_of_bucket: int64 (buckets,), the bin of each bucket of an ErrorDistribution.
    log_factors: (K, C), what a record in a bin adds to the logarithm of each bet's capital.
    variances: (C,), variance of that under the reference, and means: (C,), its mean (< 0).
    """

    bin_of_bucket: NDArray[np.int64]
    log_factors: Floats
    means: Floats
    variances: Floats
    alternatives: tuple[Alternative, ...]
    tolerance: float

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return int(self.log_factors.shape[0])


def build(reference: Reference, tolerance: float, inflation: float | Floats = 1.0) -> Bets:
    """The bets for a reference; raises ValueError if it has too few errors for any.

    tolerance: relative change of the error that is no drift. inflation: how many times larger
    dependence makes the variance of a mean of calibration errors, 1 for independent ones: one
    number, or one for each of ALTERNATIVES.
    """
    shaping, bounding = reference.split()
    if shaping.size < MIN_OUTSIDE:
        raise ValueError(f"the reference needs 20 errors or more, got {reference.count}")
    scale = 1 + tolerance
    edges = _edges(shaping, scale)
    factors = np.stack([shape(a, shaping, bucket_edges[edges], scale) for a in ALTERNATIVES])
    inflations = np.broadcast_to(np.asarray(inflation, dtype=np.float64), len(ALTERNATIVES))
    upward = np.array([a.upward for a in ALTERNATIVES])
    edge_of_tolerance = {
        up: np.bincount(
            _bins(bounding * (scale if up else 1 / scale), edges), minlength=edges.size + 1
        )
        for up in (True, False)
    }
    counts = np.stack([edge_of_tolerance[bool(up)] for up in upward])
    factors = factors / mean_bounds(factors, counts, inflations)[:, None]
    useful = factors.max(axis=1) > 1
    if not useful.any():
        raise ValueError(f"{reference.count} calibration errors are too few to tell any drift")
    log_factors = np.log(factors[useful]).T.copy()  # (K, C)
    shares = np.bincount(_bins(reference.errors / reference.unit, edges), minlength=edges.size + 1)
    means = shares @ log_factors / reference.count
    variances = shares @ (log_factors - means) ** 2 / reference.count
    return Bets(
        bin_of_bucket=np.searchsorted(edges, np.arange(bucket_edges.size), side="left"),
        log_factors=log_factors,
        means=means,
        variances=variances,
        alternatives=tuple(a for a, used in zip(ALTERNATIVES, useful, strict=True) if used),
        tolerance=tolerance,
    )


def _edges(shaping: Floats, scale: float) -> NDArray[np.int64]:
    """Buckets that end a bin, ascending: bin k ends with bucket edges[k], the last is open."""
    m = shaping.size
    levels = [q for q in LEVELS if min(q, 1 - q) * m >= MIN_OUTSIDE] or [0.5]
    ranks = [min(m, math.ceil(q * (m + 1))) - 1 for q in levels]
    values = shaping[ranks]
    edges = np.unique(bucket_index(values))
    if edges.size < FEWEST_EDGES:
        # Errors that are (nearly) all alike: a change is seen where they do not lie, even
        # when moved by the tolerance.
        around = [values * factor for factor in (1, 1.02 * scale, 1 / scale**2 / 1.02)]
        edges = np.unique(bucket_index(np.concatenate(around)))
    return edges[edges < bucket_edges.size - 1]


def _bins(errors: Floats, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(edges, bucket_index(errors), side="left")


def shape(alternative: Alternative, shaping: Floats, edges: Floats, scale: float) -> Floats:
    """Likelihood ratio of the bins, (K,): under the alternative over no drift.

    Monotone, if the alternative is.
    """
    tolerated = (scale if alternative.upward else 1 / scale) if alternative.monotone else 1.0
    null = bin_probabilities(shaping, edges / tolerated)
    changed = alternative.probabilities(shaping, edges, tolerated, null)
    smoothing = 0.5 / shaping.size
    ratio = np.clip((changed + smoothing) / (null + smoothing), SMALLEST_FACTOR, LARGEST_FACTOR)
    if not alternative.monotone:
        return np.asarray(ratio)
    return isotonic(ratio, null + smoothing, increasing=alternative.upward)


def mean_bounds(
    factors: Floats, counts: NDArray[Any], inflation: Floats, failure: float = FAILURE
) -> Floats:
    """Upper confidence bound of each bet's mean, (C,). factors, counts: (C, K).

    failure: chance that any of them fails.
    """
    failure = failure / len(factors)
    n = counts.sum(axis=1)
    shares = counts / n[:, None]
    means = (shares * factors).sum(axis=1)
    centred = factors - means[:, None]
    deviations = np.sqrt((shares * centred**2).sum(axis=1))
    skewness = (shares * centred**3).sum(axis=1) / np.maximum(deviations, 1e-12) ** 3
    z = -float(special.ndtri(failure))
    root = np.sqrt(n / inflation)
    bounds = means + deviations / root * (z + np.abs(skewness) * (2 * z * z + 1) / (6 * root))
    # A bin without bounding errors may have a probability of up to this (its exact bound), and
    # the sample's moments do not know of it.
    unseen = np.where((counts == 0) & (factors > 1), factors, 0.0).max(axis=1)
    return np.asarray(bounds + unseen * -math.log(failure) / n * inflation)
