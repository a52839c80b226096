"""Quantiles of errors, and the order statistics that enclose them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.distribution import ErrorDistribution, order_statistic
from monitor.stream.records import Estimate

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CONFIDENCE: Final = 0.95


@lru_cache(maxsize=16384)
def ranks_around(total: int, levels: tuple[float, ...]) -> tuple[Index, NDArray[np.bool_] | None]:
    """Rank of each quantile, and of the order statistics around it, (levels, 3).

    Second comes which of them there are not, or None if there are all: their rank stands at an
    end. A full window has few sizes, and the binomial quantiles take longer than all else here.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = _binomial_quantiles(np.array([[tail], [1 - tail]]), total, np.array(levels))
    ranks = np.stack([[order_statistic(level, total) for level in levels], low, high + 1], axis=1)
    missing = (ranks < 1) | (ranks > total)
    return np.clip(ranks, 1, total), missing if missing.any() else None


def _binomial_quantiles(shares: Floats, total: int, chance: Floats) -> Index:
    """The smallest number k with P(at most k of `total`) >= share, for each of the shares (2, 1).

    chance: of each, (n,). Returns (2, n). The normal approximation with its correction for
    skewness (Cornish and Fisher 1937) is nearly always right or one too small.
    """
    z = special.ndtri(shares)
    spread = np.sqrt(total * chance * (1 - chance))
    guess = np.floor(total * chance + z * spread + (z * z - 1) * (1 - 2 * chance) / 6 + 0.5)
    guess = np.clip(guess, 0, total)
    right = special.bdtr(guess, total, chance) >= shares
    right &= (guess == 0) | (special.bdtr(np.maximum(guess - 1, 0), total, chance) < shares)
    if not right.all():
        exact = np.ceil(special.bdtrik(shares, total, chance))
        before = np.maximum(exact - 1, 0)
        exact = np.where(special.bdtr(before, total, chance) >= shares, before, exact)
        guess = np.where(right, guess, exact)
    return np.asarray(guess, dtype=np.int64)


def quantiles_of(errors: ErrorDistribution, levels: tuple[float, ...]) -> Floats:
    """Quantiles, and the order statistics that enclose each with 95% confidence, (levels, 3).

    The interval is distribution-free and holds for independent errors (David and Nagaraja,
    Order Statistics, 2003, section 7.1). A bound is nan where no order statistic reaches it.
    """
    values, at_most = errors.cumulative()
    total = int(at_most[-1])
    if total == 0:
        return np.full((len(levels), 3), np.nan)
    ranks, missing = ranks_around(total, levels)
    found = values.take(at_most.searchsorted(ranks))
    if missing is not None:
        found[missing] = np.nan
    return found


def quantile_of(errors: ErrorDistribution, level: float) -> Estimate:
    """One quantile, as of `quantiles_of`."""
    return Estimate(*quantiles_of(errors, (level,))[0].tolist())
