"""Synthetic anomalies among vectors.

    shuffled   half of the features are another record's: each value is usual, together they are not
    offset     one number is moved by 1 to 5 standard deviations
    scaled     all numbers are 1.5 to 3 times as far from their means: the tails
    tails      a quarter of the features are as extreme as one in twenty values of theirs

Dependency, local and global anomalies are told apart as Han et al. do, ADBench: anomaly detection
benchmark (NeurIPS 2022), section 3.3; here they are made of real records.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec

SHUFFLED: Final = 0.5
EXTREME: Final = 0.25
"""Shares of the features."""
TAIL: Final = 0.05
"""Share of a feature's values that are its tails, half of it on either side."""
OFFSETS: Final = (1.0, 5.0)
FACTORS: Final = (1.5, 3.0)
"""From the least to the greatest: small ones are as frequent as large ones, by their logarithm."""
Rows = NDArray[np.float64]


def spoilt(spec: InputSpec, records: NDArray[Any], rng: np.random.Generator) -> dict[str, Rows]:
    """Records (m, d), as they arrive, by kind. What is missing stays missing or is shuffled."""
    rows = records.astype(np.float64)
    middle, spread = _numbers(rows, spec)
    moving = np.flatnonzero(spread > 0)
    made = {}
    if rows.shape[1] > 1:
        made["shuffled"] = _shuffled(rows, rng)
    if len(moving):
        made["offset"] = _offset(rows, moving, spread, rng)
        made["scaled"] = _scaled(rows, middle, spread, rng)
        made["tails"] = _tails(rows, spread, rng)
    return made or {"other": _other(rows, spec, rng)}


def _numbers(rows: Rows, spec: InputSpec) -> tuple[Rows, Rows]:
    """Mean and standard deviation of each feature, (d,); 0 for what is no number, or constant."""
    kinds = [feature.kind == "number" for feature in spec.schema.features]
    number = np.array(kinds or [True] * rows.shape[1])
    filled = np.ma.masked_invalid(rows)
    middle = np.asarray(filled.mean(axis=0).filled(0.0))
    spread = np.asarray(filled.std(axis=0).filled(0.0))
    return np.where(number, middle, 0.0), np.where(number, spread, 0.0)


def _shuffled(rows: Rows, rng: np.random.Generator) -> Rows:
    """At least one feature of each record, and never all of them, from the record before it."""
    m, d = rows.shape
    chosen = rng.random((m, d)) < SHUFFLED
    chosen[np.arange(m), rng.integers(d, size=m)] = True
    own = rng.integers(d, size=m)
    chosen[np.arange(m), own] &= ~chosen.all(axis=1)
    order = rng.permutation(m)
    other = np.empty_like(rows)
    other[order] = rows[np.roll(order, 1)]
    return np.where(chosen, other, rows)


def _offset(rows: Rows, moving: NDArray[np.int64], spread: Rows, rng: np.random.Generator) -> Rows:
    moved, m = rows.copy(), len(rows)
    feature = rng.choice(moving, m)
    size = _logarithmic(OFFSETS, m, rng) * rng.choice([-1.0, 1.0], m)
    moved[np.arange(m), feature] += size * spread[feature]
    return moved


def _scaled(rows: Rows, middle: Rows, spread: Rows, rng: np.random.Generator) -> Rows:
    factor = _logarithmic(FACTORS, len(rows), rng)[:, None]
    return np.where(spread > 0, middle + factor * (rows - middle), rows)


def _tails(rows: Rows, spread: Rows, rng: np.random.Generator) -> Rows:
    """Values of these very records, of numbers alone: at least one of each record."""
    m, d = rows.shape
    levels = rng.uniform(0, TAIL / 2, size=(m, d))
    levels = np.where(rng.random((m, d)) < 0.5, levels, 1 - levels)
    drawn = np.stack([_quantiles(rows[:, i], levels[:, i]) for i in range(d)], axis=1)
    moving = np.flatnonzero(spread > 0)
    chosen = rng.random((m, d)) < EXTREME
    chosen[np.arange(m), rng.choice(moving, m)] = True
    return np.where(chosen & (spread > 0) & ~np.isnan(rows), drawn, rows)


def _quantiles(column: Rows, levels: Rows) -> Rows:
    """Values at these levels, (m,), of what of a column (n,) is not missing."""
    there = column[~np.isnan(column)]
    if not len(there):
        return np.full(len(levels), np.nan)
    return np.asarray(np.quantile(there, levels, method="nearest"))


def _other(rows: Rows, spec: InputSpec, rng: np.random.Generator) -> Rows:
    """Of a single feature that is no number, or never varies: a value that is not its own."""
    made = rows.copy()
    features = spec.schema.features
    values = max(2, len(features[0].categories)) if features else 2
    made[:, 0] = (np.nan_to_num(rows[:, 0]) + rng.integers(1, values, len(rows))) % values
    return made


def _logarithmic(limits: tuple[float, float], count: int, rng: np.random.Generator) -> Rows:
    low, high = limits
    return low * (high / low) ** rng.random(count)
