"""Reference: what reconstruction errors look like on normal data, held out from training.

It gives two judgements of a new error, both exact in finite samples for records exchangeable
with the n calibration records (split conformal prediction; Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, 2005, section 2; Angelopoulos and Bates, 2021, section 1):

- threshold: the k-th smallest calibration error, k = ceil((n + 1) q). At most 1 - q of normal
  records lie above it, on average over calibration sets.
- p-value: (1 + #{calibration error >= e}) / (n + 1). A normal record has one of at most p with
  probability at most p. The smallest possible is 1 / (n + 1).

For the drift test it keeps the errors themselves, and their order if they came in the order of
the stream: how far neighbours depend on each other can only be told from that.
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
ENOUGH_RECORDS: Final = 5000
"""Calibration records below which drift smaller than a third or so goes unseen: worth a warning."""
DEFAULT_TOLERANCE: Final = 0.05
"""Relative shift of the error that is not worth an alarm, unless configured otherwise."""
SHAPING_SHARE: Final = 0.3
"""Share of the calibration errors that shape the drift test; the others bound it."""
_SPLIT_SEED: Final = 0


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
    the quantile is not the usual one, or "". in_order: the same errors in the order of the
    stream, or None if that is not known. tie_tolerance: relative slack in favour of "normal".
    """

    errors: NDArray[np.float64]
    quantile: float
    threshold: float
    note: str = ""
    in_order: NDArray[np.float64] | None = None
    tie_tolerance: float = TIE_TOLERANCE

    @classmethod
    def calibrate(
        cls,
        errors: ArrayLike,
        quantile: float | None = None,
        *,
        ordered: bool = False,
        tie_tolerance: float = TIE_TOLERANCE,
    ) -> Reference:
        """Return the reference of these errors; None takes 0.999 or the highest supported.

        ordered: the errors are of consecutive records, in the order of the stream. Raises
        CalibrationError if an explicit quantile needs more errors than there are, or if an
        error is negative or not finite.
        """
        given = np.array(errors, dtype=np.float64).ravel()
        ascending = np.sort(given)
        if not np.all((ascending >= 0) & (ascending < np.inf)):
            raise CalibrationError("calibration errors must be finite and at least 0.")
        used, note = supported_quantile(quantile, ascending.size)
        k = order_statistic(used, ascending.size + 1)
        ascending.flags.writeable = given.flags.writeable = False
        threshold = float(ascending[k - 1])
        in_order = given if ordered else None
        return cls(ascending, used, threshold, note, in_order, tie_tolerance)

    @property
    def count(self) -> int:
        """How many calibration errors there are."""
        return int(self.errors.size)

    @property
    def smallest_p_value(self) -> float:
        """What an error above every calibration error gets: 1 / (n + 1)."""
        return 1 / (self.count + 1)

    def p_values(self, errors: ArrayLike) -> NDArray[np.float64]:
        """Conformal p-value of each error, float64, same shape, in [1 / (n + 1), 1].

        An error that is not finite ranks above all others.
        """
        lowered = np.asarray(errors, dtype=np.float64) * (1 - self.tie_tolerance)
        at_least = self.count - np.searchsorted(self.errors, lowered, side="left")
        return np.asarray((1 + at_least) / (self.count + 1), dtype=np.float64)

    def anomalous(self, errors: ArrayLike) -> NDArray[np.bool_]:
        """True for each error above the threshold, and for one that is not a number."""
        limit = self.threshold * (1 + self.tie_tolerance)
        return np.asarray(~(np.asarray(errors, dtype=np.float64) <= limit))

    @property
    def ordered(self) -> bool:
        """True if the order of the calibration errors in the stream is known."""
        return self.in_order is not None

    @cached_property
    def unit(self) -> float:
        """The median error, or that of the positive errors if it is 0, or 1 if all are 0.

        The drift test counts errors in this unit: so its buckets fit any model, and multiplying
        all errors of model and stream by one number changes nothing.
        """
        median = float(self.quantiles([0.5])[0])
        positive = self.errors[self.errors > 0]
        if median == 0 and positive.size:
            median = float(positive[positive.size // 2])
        return median or 1.0

    @cached_property
    def distribution(self) -> ErrorDistribution:
        """The calibration errors in buckets, in units of `unit`. Read it, do not change it."""
        return ErrorDistribution.from_errors(self.errors / self.unit)

    def split(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The errors that shape the drift test and those that bound it, in units of `unit`.

        A fixed shuffle, so that every process splits alike. Both are ascending, float64.
        """
        shuffled = np.random.default_rng(_SPLIT_SEED).permutation(self.errors / self.unit)
        shaping, bounding = np.split(shuffled, [int(SHAPING_SHARE * self.count)])
        return np.sort(shaping), np.sort(bounding)

    @cached_property
    def log_spread(self) -> float:
        """Standard deviation of the logarithm of the positive calibration errors."""
        positive = self.errors[self.errors > 0]
        return float(np.log(positive).std()) if positive.size > 1 else 0.0

    def detection_floor(
        self, tolerance: float, records: int | None = None, dependence: float = 1.0
    ) -> float:
        """Relative shift of the error below which the drift test stays silent: 0.08 is 8%.

        The noise of the calibration sample hides smaller ones. tolerance: relative shift that
        is never alarmed. records: calibration records, if not those that there are. dependence:
        of neighbours among them: so many times fewer independent ones would say as much.
        """
        n = (self.count if records is None else records) * (1 - SHAPING_SHARE) / dependence
        return math.expm1(math.log1p(tolerance) + 3.5 * self.log_spread / math.sqrt(n))

    def records_for_floor(self, floor: float, tolerance: float) -> int:
        """Calibration records that bring the detection floor down to this; floor > tolerance."""
        gap = math.log1p(floor) - math.log1p(tolerance)
        return math.ceil((3.5 * self.log_spread / gap) ** 2 / (1 - SHAPING_SHARE))

    def detection_limits(self, tolerance: float) -> str:
        """The detection floor in a sentence, and what would lower it."""
        floor = self.detection_floor(tolerance)
        target = math.expm1((math.log1p(floor) + math.log1p(tolerance)) / 2)
        text = f"shifts of the error below {floor:.1%} cannot be told from calibration noise"
        if target <= tolerance:
            return text
        more = self.records_for_floor(target, tolerance) - self.count
        digits = 10 ** max(0, len(str(more)) - 2)
        rounded = math.ceil(more / digits) * digits
        return f"{text}; {rounded:,} more calibration records would bring it to {target:.1%}"

    def quantiles(self, qs: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact quantiles of the calibration errors: the ceil(q * n)-th smallest, for each q."""
        ranks = [order_statistic(float(q), self.count) for q in qs]
        return np.asarray(self.errors[np.array(ranks, dtype=np.int64) - 1])
