"""Many blocks played at once: the capital that `BettingTest.watch` leaves, block by block.

What needs nothing of the block before is done for all of them: bins, logarithms and exponentials.
The capital itself is then multiplied block by block. Each product is of the same shapes as for a
block alone: of other shapes it differs in the last digit on some processors, and with it the
bytes of a snapshot would tell how records came in batches.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.runs import Run

CERTAINLY_LESS: Final = 0.999
"""Capital is summed in another order than `BettingTest` does, so only a part of the level counts
as calm; what lies between is left to it."""
LARGEST_GAIN: Final = 500.0
"""Natural logarithm of the most that a block can multiply a capital with: e^500 is 1e217."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Stakes(NamedTuple):
    """What is played with.

    gains: (K, C), what a row adds to the logarithm of each capital. share: (C,), of each bet in
    the evidence. records: the evidence at which drift is suspected.
    """

    gains: Floats
    share: Floats
    records: float

    def calm(self, evidence: Floats) -> int:
        """How many of the blocks come before the first that may be suspicious."""
        level = CERTAINLY_LESS * self.records
        if np.maximum.reduce(evidence) < level:
            return evidence.size
        return int((evidence >= level).argmax())


class BlockBins(NamedTuple):
    """A block's rows by scope and bin.

    each: (S, K), rows of each scope in each bin, until the next block. touched: the scopes that
    have any. rows: of each of those altogether, (touched, 1). cells: scope x K + bin of each row,
    or None while all rows together are the only scope.
    """

    each: Floats
    rows: Floats | float
    touched: Index | slice = slice(None)
    cells: Index | None = None


def together(run: Run, bins: Index, width: int) -> Floats:
    """Rows of each block in each bin, (blocks, K). bins: of each row. width: K."""
    counts = np.bincount(run.cells(bins, width), minlength=run.blocks * width)
    return counts.reshape(-1, width).astype(np.float64)


def row_by_row(counts: Floats, gains: Floats) -> Floats:
    """The product counts @ gains, (n, C), each row as if it were alone: see the module."""
    return np.asarray(np.matmul(counts[:, None, :], gains)[:, 0])


def play_alone(capital: Floats, counts: Floats, sizes: list[int], stakes: Stakes) -> int:
    """Play blocks of one scope, up to the first that may be suspicious; how many were played.

    capital: (1, C), changed in place. counts: (blocks, K). sizes: rows of each block.
    """
    factors = np.exp(np.minimum(row_by_row(counts, stakes.gains), LARGEST_GAIN))
    played = np.empty_like(factors)
    before = capital[0]
    with np.errstate(over="ignore", invalid="ignore"):  # after a suspicious block
        for size, factor, after in zip(sizes, factors, played, strict=True):
            np.add(before, size, after)
            np.multiply(after, factor, after)
            before = after
        calm = stakes.calm(played @ stakes.share)
    if calm:
        capital[0] = played[calm - 1]
    return calm


def play_scopes(
    capital: Floats, counts: Floats, run: Run, scopes: Index, cells: Index, stakes: Stakes
) -> int:
    """Play blocks of many scopes, as `play_alone` does.

    capital: (S, C), changed in place, all rows together first. scopes, cells: of each row its
    scope, and scope x K + bin.
    """
    touched, rows, ends = _touched(run, scopes, len(capital))
    evidence = capital @ stakes.share
    gains = _gains(capital, counts, run.cuts, cells, touched, ends, stakes.gains)
    factors = np.exp(np.minimum(gains, LARGEST_GAIN))
    before, after = np.empty_like(factors), np.empty_like(factors)
    with np.errstate(over="ignore", invalid="ignore"):
        for start, end in pairwise(ends):
            mine = touched[start:end]
            old, new = before[start:end], after[start:end]
            np.take(capital, mine, axis=0, out=old, mode="clip")
            np.add(old, rows[start:end], new)
            np.multiply(new, factors[start:end], new)
            capital[mine] = new
        earned = np.add.reduceat((after - before) @ stakes.share, ends[:-1])
        calm = stakes.calm(0.5 * (evidence.sum() + earned.cumsum()))
    for number in range(run.blocks - 1, calm - 1, -1):
        start, end = ends[number : number + 2]
        capital[touched[start:end]] = before[start:end]
    return calm


def _touched(run: Run, scopes: Index, number: int) -> tuple[Index, Floats, list[int]]:
    """The scopes that have rows, block after block; how many rows (n, 1); where blocks begin."""
    rows = np.bincount(run.cells(scopes, number), minlength=run.blocks * number)
    rows[::number] = run.sizes
    places = rows.nonzero()[0]
    ends = places.searchsorted(np.arange(run.blocks + 1) * number).tolist()
    return places % number, rows[places].astype(np.float64)[:, None], ends


def _gains(
    capital: Floats, counts: Floats, cuts: list[int], cells: Index, touched: Index, ends: list[int],
    gains: Floats,
) -> Floats:  # fmt: skip
    """What each of the touched scopes gains, (n, C)."""
    table = np.zeros((len(capital), counts.shape[1]))
    flat, product = table.reshape(-1), np.empty_like(capital)
    found = np.empty((touched.size, capital.shape[1]))
    blocks = zip(counts, pairwise(cuts), pairwise(ends), strict=True)
    for count, (row, row_end), (start, end) in blocks:
        mine = cells[row:row_end]
        np.add.at(flat, mine, 1.0)
        table[0] = count
        np.dot(table, gains, out=product)
        np.take(product, touched[start:end], axis=0, out=found[start:end], mode="clip")
        flat[mine] = 0
    return found


def widened(capital: Floats, places: Index, scopes: int) -> Floats:
    """The same capital among more scopes. places: where those that there are stand."""
    wider = np.zeros((scopes, capital.shape[1]))
    wider[places] = capital
    return wider


def log10(value: float) -> float:
    """Its logarithm; that of nothing is -300."""
    return math.log10(max(value, 1e-300))
