"""Whether records that should be normal look as if some were not."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FAR: Final = 6.0
"""Robust standard deviations of the logarithm of an error above the median. A lognormal error is
there once in a thousand million times; heavier tails of normal data reach half of it."""
_SPREAD: Final = (0.5, 0.8413)
"""Quantiles one standard deviation of a normal distribution apart."""
FEWEST: Final = 3


def suspicious_share(errors: NDArray[np.float64]) -> float:
    """Share of errors (n,) far above what the bulk of them leads one to expect; 0 for a few."""
    logs = np.log(np.maximum(errors, np.finfo(np.float64).tiny))
    middle, above = np.quantile(logs, _SPREAD)
    far = logs > middle + FAR * (above - middle)
    return float(far.mean()) if above > middle and far.sum() >= FEWEST else 0.0
