"""Synthetic anomalies among series. A stretch is a quarter to a half of the steps.

shuffled   the steps of a stretch, or whole channels, are in another order
pasted     a stretch of all channels is another record's
offset     a stretch of one channel is moved by 0.5 to 3 standard deviations
noise      noise of 0.3 to 2 standard deviations is added to a stretch of one channel
scaled     one channel is 1.5 to 3 times as far from its mean
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

OFFSETS: Final = (0.5, 3.0)
NOISES: Final = (0.3, 2.0)
FACTORS: Final = (1.5, 3.0)
STRETCH: Final = (0.25, 0.5)
Series = NDArray[np.float32]


def spoilt(prepared: Series, rng: np.random.Generator) -> dict[str, Series]:
    """Series (m, C, T), standardised, by kind."""
    kinds = {"pasted": _pasted(prepared, rng), "offset": _offset(prepared, rng)}
    if prepared.shape[2] > 1:
        kinds["shuffled"] = _shuffled(prepared, rng)
    return {**kinds, "noise": _noise(prepared, rng), "scaled": _scaled(prepared, rng)}


def _shuffled(series: Series, rng: np.random.Generator) -> Series:
    made = series.copy()
    for record, (start, stop) in zip(made, _stretches(series, rng), strict=True):
        record[:, start:stop] = record[:, start + rng.permutation(stop - start)]
    return made


def _pasted(series: Series, rng: np.random.Generator) -> Series:
    made = series.copy()
    for i, (start, stop) in enumerate(_stretches(series, rng)):
        other = (i + rng.integers(1, len(series))) % len(series)
        from_step = rng.integers(0, series.shape[2] - (stop - start) + 1)
        made[i, :, start:stop] = series[other, :, from_step : from_step + stop - start]
    return made


def _offset(series: Series, rng: np.random.Generator) -> Series:
    made = series.copy()
    for record, (start, stop) in zip(made, _stretches(series, rng), strict=True):
        size = rng.choice([-1.0, 1.0]) * _logarithmic(OFFSETS, rng)
        record[rng.integers(len(record)), start:stop] += size
    return made


def _noise(series: Series, rng: np.random.Generator) -> Series:
    made = series.copy()
    for record, (start, stop) in zip(made, _stretches(series, rng), strict=True):
        noise = _logarithmic(NOISES, rng) * rng.normal(size=stop - start)
        record[rng.integers(len(record)), start:stop] += noise.astype(np.float32)
    return made


def _scaled(series: Series, rng: np.random.Generator) -> Series:
    made = series.copy()
    for record in made:
        record[rng.integers(len(record))] *= _logarithmic(FACTORS, rng)
    return made


def _stretches(series: Series, rng: np.random.Generator) -> list[tuple[int, int]]:
    """First and last step (exclusive) of a stretch of each record; one step at least."""
    steps = series.shape[2]
    lengths = np.ceil(steps * rng.uniform(*STRETCH, size=len(series))).astype(int)
    lengths = np.clip(lengths, min(2, steps), steps)
    starts = rng.integers(0, steps - lengths + 1)
    return [(int(start), int(start + n)) for start, n in zip(starts, lengths, strict=True)]


def _logarithmic(limits: tuple[float, float], rng: np.random.Generator) -> float:
    low, high = limits
    return float(low * (high / low) ** rng.random())
