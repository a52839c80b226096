"""Where in a picture an error is: the rectangle that has the most of it for its size.

Of all rectangles of cells, the one whose share of the error exceeds its share of the area by most:
a scan for the largest excess (Kulldorff, A spatial scan statistic, 1997), in which every
rectangle's sum comes from sums of columns (Bentley, Programming pearls: algorithm design
techniques, CACM 1984). A picture has at most CELLS x CELLS cells; cells of a small one are pixels.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

CELLS: Final = 32
LEAST_EXCESS: Final = 0.1
"""Excess of the share of the error over that of the area, below which it is all over."""
NOISE: Final = 3.0
"""The same for small pictures, times the root of their pixels: Gaussian noise on every pixel of
8 x 8 to 32 x 32 comes to 1.6 at the median, and to 2.9 once in a hundred pictures."""


class Rectangle(NamedTuple):
    """In pixels. share, area: of the error and of the picture, 0 to 1."""

    left: int
    top: int
    width: int
    height: int
    share: float
    area: float


def densest(errors: NDArray[np.float64]) -> Rectangle:
    """The rectangle of a map of errors (H, W), >= 0 with a sum above 0; all, if it has no place.

    Costs CELLS^3 / 2 sums at most.
    """
    height, width = errors.shape
    rows, columns = _edges(height), _edges(width)
    cells = np.add.reduceat(np.add.reduceat(errors, rows[:-1], axis=0), columns[:-1], axis=1)
    shares = cells / errors.sum()
    areas = np.outer(np.diff(rows), np.diff(columns)) / errors.size
    top, bottom, left, right = _largest(shares - areas)
    inside = slice(top, bottom), slice(left, right)
    share, area = float(shares[inside].sum()), float(areas[inside].sum())
    if share - area < max(LEAST_EXCESS, NOISE / math.sqrt(errors.size)):
        return Rectangle(0, 0, width, height, 1.0, 1.0)
    x, y = int(columns[left]), int(rows[top])
    return Rectangle(x, y, int(columns[right]) - x, int(rows[bottom]) - y, share, area)


def _edges(pixels: int) -> NDArray[np.int64]:
    """Where cells begin, and the end of the last one."""
    return np.linspace(0, pixels, min(pixels, CELLS) + 1).round().astype(np.int64)


def _largest(excess: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """The rectangle of cells (h, w) with the largest sum: top, bottom, left, right, ends excluded.

    Of equal ones the first.
    """
    above = np.vstack([np.zeros(excess.shape[1]), excess.cumsum(axis=0)])  # (h + 1, w)
    tops, bottoms = np.triu_indices(len(above), k=1)
    before = np.zeros((len(tops), excess.shape[1] + 1))
    np.cumsum(above[bottoms] - above[tops], axis=1, out=before[:, 1:])  # (pairs, w + 1)
    lowest = np.minimum.accumulate(before[:, :-1], axis=1)
    pair, end = np.unravel_index(int((before[:, 1:] - lowest).argmax()), lowest.shape)
    left = int(before[pair, : end + 1].argmin())
    return int(tops[pair]), int(bottoms[pair]), left, int(end) + 1
