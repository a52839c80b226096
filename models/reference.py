"""Reference: what reconstruction errors look like on normal data, held out from training.

It gives two judgements of a new error, both exact in finite samples for records exchangeable
with the n calibration records (split conformal prediction; Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, 2005, section 2; Angelopoulos and Bates, 2021, section 1):

- threshold: the k-th smallest calibration error, k = ceil((n + 1) q). At most 1 - q of normal
  records lie above it, on average over calibration sets.
- p-value: (1 + #{calibration error >= e}) / (n + 1). A normal record has one of at most p with
  probability at most p. The smallest possible is 1 / (n + 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.distribution import ErrorDistribution, order_statistic
from models.errors import CalibrationError

DEFAULT_QUANTILE: Final = 0.999
TIE_TOLERANCE: Final = 1e-5
"""Relative slack in favour of "normal". The float32 sums of one record differ by about 1e-6
between batch sizes; a record equal to a calibration record must be judged alike in every batch."""


def records_needed(quantile: float) -> int:
    """The smallest n with ceil((n + 1) * quantile) <= n: 999 for 0.999, 99 for 0.99."""
    if not 0 < quantile < 1:
        raise CalibrationError(f"the quantile must lie between 0 and 1, got {quantile:g}.")
    return max(1, math.ceil(quantile / (1 - quantile) * (1 - 1e-12)))


def supported_quantile(quantile: float | None, count: int) -> tuple[float, str]:
    """The quantile that `count` calibration records give, and a note if it is not the usual one.

    quantile: None for the default, or the highest that the records support. Raises
    CalibrationError, which says how many are needed, if an explicit one needs more.
    """
    if count < 1:
        raise CalibrationError("calibration needs at least 1 error, got none.")
    needed = records_needed(DEFAULT_QUANTILE if quantile is None else quantile)
    if count >= needed:
        return (DEFAULT_QUANTILE if quantile is None else quantile), ""
    highest = count / (count + 1)
    if quantile is not None:
        raise CalibrationError(
            f"quantile {quantile:g} needs at least {needed} calibration records, got {count}. "
            f"Give more data, a larger calibration fraction, or a quantile up to {highest:.4f}."
        )
    return highest, (
        f"{count} calibration records support no quantile above {highest:.4f}; the threshold is "
        f"set there. {needed} are needed for {DEFAULT_QUANTILE}."
    )


@dataclass(frozen=True, eq=False)
class Reference:
    """The calibration errors of one model and the threshold that they set.

    errors: float64 (n,), ascending, read-only. quantile: the level of the threshold. note: why
    the quantile is not the usual one, or "".
    """

    errors: NDArray[np.float64]
    quantile: float
    threshold: float
    note: str = ""

    @classmethod
    def calibrate(cls, errors: ArrayLike, quantile: float | None = None) -> Reference:
        """Return the reference of these errors; None takes 0.999 or the highest supported.

        Raises CalibrationError if an explicit quantile needs more errors than there are, or if
        an error is negative or not finite.
        """
        ascending = np.sort(np.asarray(errors, dtype=np.float64).ravel())
        if not np.all((ascending >= 0) & (ascending < np.inf)):
            raise CalibrationError("calibration errors must be finite and at least 0.")
        used, note = supported_quantile(quantile, ascending.size)
        k = order_statistic(used, ascending.size + 1)
        ascending.flags.writeable = False
        return cls(ascending, used, float(ascending[k - 1]), note)

    @property
    def count(self) -> int:
        """How many calibration errors there are."""
        return int(self.errors.size)

    @property
    def smallest_p_value(self) -> float:
        """What an error above every calibration error gets: 1 / (n + 1)."""
        return 1 / (self.count + 1)

    def p_values(self, errors: ArrayLike) -> NDArray[np.float64]:
        """Conformal p-value of each error, float64, same shape, in [1 / (n + 1), 1]."""
        lowered = np.asarray(errors, dtype=np.float64) * (1 - TIE_TOLERANCE)
        at_least = self.count - np.searchsorted(self.errors, lowered, side="left")
        return np.asarray((1 + at_least) / (self.count + 1), dtype=np.float64)

    def anomalous(self, errors: ArrayLike) -> NDArray[np.bool_]:
        """True for each error above the threshold."""
        limit = self.threshold * (1 + TIE_TOLERANCE)
        return np.asarray(np.asarray(errors, dtype=np.float64) > limit)

    @cached_property
    def distribution(self) -> ErrorDistribution:
        """The calibration errors in buckets. Read it, do not change it."""
        return ErrorDistribution.from_errors(self.errors)

    def quantiles(self, qs: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact quantiles of the calibration errors: the ceil(q * n)-th smallest, for each q."""
        ranks = [order_statistic(float(q), self.count) for q in qs]
        return np.asarray(self.errors[np.array(ranks, dtype=np.int64) - 1])
