"""Isotonic regression: the monotone sequence that is nearest to a given one.

The algorithm that pools adjacent violators, as in Barlow, Bartholomew, Bremner and Brunk,
Statistical Inference under Order Restrictions (Wiley, 1972). SciPy has it too
(scipy.optimize.isotonic_regression, the measure in the tests), but loading scipy.optimize is a
tenth of the daemon's start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def isotonic(values: Floats, weights: Floats, *, increasing: bool) -> Floats:
    """The monotone fit, (K,), with the least weighted sum of squares to `values`, (K,).

    weights, (K,): positive. increasing: never falling, else never rising.
    """
    if not increasing:
        return isotonic(values[::-1], weights[::-1], increasing=True)[::-1]
    means: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, size = value, weight, 1
        while means and means[-1] >= mean:
            before = masses.pop()
            mean = (before * means.pop() + mass * mean) / (before + mass)
            mass += before
            size += sizes.pop()
        means.append(mean)
        masses.append(mass)
        sizes.append(size)
    return np.repeat(np.array(means, dtype=np.float64), sizes)
