"""Quantile regression on functions of a context that has few values, smooth and penalised.

The conditional quantile of y is B[cell] b: its check loss is smoothed at its corner and minimised
by majorising it with parabolas (Hunter and Lange, Quantile regression via an MM algorithm, JCGS
9, 2000): each step is a weighted least squares that cannot make the loss larger. Since records of
one cell share a row of B, a step costs a sum over the records and a solution over the cells,
whatever the number of functions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CORNER: Final = 0.05
"""Width of the smoothed corner, in mean absolute deviations of y."""
STEPS: Final = 60
CLOSE: Final = 1e-3
"""Change of all coefficients, in mean absolute deviations of y, at which it is solved."""


def fit(functions: Floats, cells: Index, y: Floats, level: float, penalty: Floats) -> Floats:
    """Coefficients (p,) of the quantile of y (n,), n >= 1, at this level.

    functions: (cells, p), the first one constant. cells: (n,), of each y. penalty: (p,), of the
    square of each coefficient, in units of the mean check loss times the deviation of y.
    """
    count = len(functions)
    scale = float(np.abs(y - np.median(y)).mean()) or 1.0
    ridge = np.diag(4 * len(y) * penalty / scale + 1e-9 * len(y) / scale)
    found: Floats = np.zeros(functions.shape[1])
    found[0] = np.quantile(y, level)
    for _ in range(STEPS):
        weights = 1 / (CORNER * scale + np.abs(y - (functions @ found)[cells]))
        together = np.bincount(cells, weights, count)
        wanted = np.bincount(cells, weights * y + (2 * level - 1), count)
        normal = functions.T @ (together[:, None] * functions) + ridge
        before = found
        found = np.asarray(np.linalg.solve(normal, functions.T @ wanted), dtype=np.float64)
        if np.abs(found - before).max() < CLOSE * scale:
            break
    return found


def check_loss(residuals: Floats, level: float) -> Floats:
    """The check loss of each residual, >= 0: the mean is least at the quantile of this level."""
    return np.asarray(residuals * (level - (residuals < 0)))
