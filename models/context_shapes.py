"""Functions of the time of the week: few harmonics of the day, and how they differ by day.

A frequency is in cycles a week: 7 is once a day. A shape of `day` harmonics that may differ over
the week by `week` harmonics has the frequencies 7k - week ... 7k + week, k = 0 ... day. What
changes at once, as with the shifts of a plant, no few harmonics follow: that takes steps of half an
hour, each day alike or with a level of its own for each day of the week. They need more records.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.context import CELLS, DAY_CELLS

Floats = NDArray[np.float64]

DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Shape:
    """Which harmonics, or with `steps` steps of the day, and how strongly large and fast ones are
    held down. week 0: every day is alike."""

    day: int
    week: int
    strength: float
    steps: bool = False

    @property
    def kind(self) -> str:
        """One of `context.KINDS`."""
        return "week" if self.week else "hour"

    @property
    def period(self) -> int:
        """Cells after which it repeats: those of a day, or of a week."""
        return CELLS if self.week else DAY_CELLS

    @property
    def frequencies(self) -> list[int]:
        """Cycles a week, ascending."""
        near = range(-self.week, self.week + 1)
        return sorted({DAYS * k + w for k in range(self.day + 1) for w in near if DAYS * k + w > 0})

    @property
    def functions(self) -> Floats:
        """(CELLS, p), a constant first."""
        return _steps(bool(self.week)) if self.steps else _functions(tuple(self.frequencies))

    @property
    def penalty(self) -> Floats:
        """Of the square of each coefficient, (p,)."""
        if self.steps:
            return self.strength * np.array([0.0, *np.ones(self.functions.shape[1] - 1)])
        rough = [1 + (frequency / DAYS) ** 2 for frequency in self.frequencies]
        return self.strength * np.array([0.0, *np.repeat(rough, 2)])


@lru_cache(maxsize=32)
def _functions(frequencies: tuple[int, ...]) -> Floats:
    turns = (np.arange(CELLS) + 0.5) / CELLS * 2 * np.pi
    waves = [wave(f * turns) for f in frequencies for wave in (np.cos, np.sin)]
    return np.stack([np.ones(CELLS), *waves], axis=1)


@lru_cache(maxsize=2)
def _steps(week: bool) -> Floats:
    cells = np.arange(CELLS)
    parts = [np.ones((CELLS, 1)), np.eye(STEPS)[cells % DAY_CELLS * STEPS // DAY_CELLS]]
    return np.concatenate([*parts, *([np.eye(DAYS)[cells // DAY_CELLS]] if week else [])], axis=1)


STRENGTHS: Final = (0.01, 0.0005)
STEPS: Final = 48
"""Half-hours of a day."""
_OF_STEPS: Final = 2e-5
"""Strength that takes less than half a percent from a half-hour."""
OF_DAY: Final = (
    *(Shape(day, 0, s) for day in (1, 2, 4, 8) for s in STRENGTHS),
    Shape(0, 0, _OF_STEPS, steps=True),
)
OF_WEEK: Final = (
    *(Shape(*each, s) for each in ((0, 2), (1, 1), (2, 2), (4, 3)) for s in STRENGTHS),
    Shape(0, 1, _OF_STEPS, steps=True),
)
"""From the simplest to the richest."""
