"""The errors of the rolling window beside those of calibration, in a few bars for the eye."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.distribution import ErrorDistribution, bucket_values
from models.reference import Reference

BARS: Final = 40
_TAIL: Final = 0.001
"""Share of the errors that may lie beyond each end; they are counted in the last bar."""


def compared(reference: Reference, window: ErrorDistribution) -> dict[str, Any]:
    """Shares of both in bars that are even on a log axis, as JSON values.

    edges: BARS + 1 errors, ascending. reference, window: of each bar, the share of all; those
    beyond an end are in the bar there. None for an empty window.
    """
    largest = float(np.finfo(np.float64).max)
    errors = np.minimum(bucket_values, largest / max(reference.unit, 1.0)) * reference.unit
    counts = window.counts
    ends = list(np.quantile(reference.errors, (_TAIL, 1 - _TAIL)))
    if counts.any():
        cumulative = counts.cumsum()
        places = np.searchsorted(cumulative, (_TAIL * cumulative[-1], (1 - _TAIL) * cumulative[-1]))
        ends += list(errors[np.minimum(places, errors.size - 2)])
    high = max(*ends, 2 * reference.threshold, float(np.finfo(np.float32).tiny))
    low = max(min(ends), high * 1e-9)
    edges = np.geomspace(low, high, BARS + 1)
    return {
        "edges": edges.tolist(),
        "threshold": reference.threshold,
        "reference": _shares(reference.errors, np.ones(reference.count), edges),
        "window": _shares(errors, counts, edges) if counts.any() else None,
    }


def _shares(errors: Any, weights: Any, edges: Any) -> list[float]:
    bars = np.clip(np.searchsorted(edges, errors, side="right") - 1, 0, BARS - 1)
    counted = np.bincount(bars, weights=weights, minlength=BARS)
    return [float(share) for share in counted / counted.sum()]
