"""The bets on repeats: values that are, to the bit, those of the partition's record before.

A sensor that is stuck repeats itself in every record, and so does every channel of a camera that
sends one picture again and again. One that measures hardly ever does, however slowly what it
measures moves: so neighbours that depend on each other, which make the bets on ranks count many
records for one, do not delay these bets. A value that is held for some records repeats itself in a
share of them that is known as well.

    q = p + (1 - p) / 8        one of eight partitions repeats itself
    q = 1 - (1 - p) / 100      nearly all records do
    q = p / 8                  what was held for some records no longer is
    factor = q / p of a record that repeats a value, (1 - q) / (1 - p) of one that does not

p bounds how often a channel repeats itself without drift, from records in the order of the stream:
ordered calibration records and the stream's first 4,096, else its first 100,000. It is the upper
bound of Clopper and Pearson (Biometrika 26, 1934) for that eighth of them in which it did so most:
some hours move less than others. For the last bet it is the lower bound for that eighth in which it
did so least, and that is known from calibration records alone. Repeats that come in clusters are
weighed down as all bets are, by an inflation. Which channels are compared, and when, says
`compared.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.channels import Channels
from monitor.drift.channels.compared import Compared
from monitor.drift.channels.last_values import LastValues
from monitor.drift.channels.tally import Index
from monitor.drift.detectors.alternatives import Alternative
from monitor.drift.detectors.bets import FAILURE, Bets
from monitor.drift.detectors.dependence import FEWEST_BLOCKS, ROWS_TO_LEARN, estimate

REPEATED: Final = (
    Alternative("repeats", 1 / 8, upward=True),
    Alternative("repeats", 0.99, upward=True),
    Alternative("repeats", 7 / 8, upward=False),
)
"""What is bet on: that so large a part of what did not repeat itself does, or the other way."""
HELD: Final = 0.1
"""Of the records that repeat their value, at least, from which it is a change if they no longer
do."""
STRETCHES: Final = 8
FEWEST: Final = 100
"""Rows of all stretches together that tell something."""
ROWS_TO_CHECK: Final = 4096
"""Rows of the stream that are learned from where calibration tells most."""
LONGEST: Final = 32
"""Consecutive repeats from which calibration shows that a channel may stand still for long: it is
then not bet on, since a few long rests do not tell how long the next one is."""
_CALIBRATION_SUMS: Final = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RepeatBets:
    """The R bets on N of C channels.

    of: (N,), the channels that are bet on. channels: C. least, most: (N,), how often they repeat
    themselves; 0 where nothing is known. inflation: (N,), of the clusters in which they do.
    """

    of: Index
    channels: int
    least: Floats
    most: Floats
    inflation: Floats

    @property
    def played(self) -> NDArray[np.bool_]:
        """Bool (C, R): the bets of the N channels."""
        played = np.zeros((self.channels, len(REPEATED)), dtype=np.bool_)
        played[self.of] = True
        return played

    @property
    def log_factors(self) -> tuple[Floats, Floats]:
        """What a row adds to the logarithm of a bet's capital, and a repeat beside, both (C, R).

        -inf and 0 where nothing can be won: no capital is left there.
        """
        row, repeat = np.full(self.played.shape, -np.inf), np.zeros(self.played.shape)
        for bet, each in enumerate(REPEATED):
            bound = self.most if each.upward else self.least
            known = (bound > (0 if each.upward else HELD)) & (bound < 1)
            p, of = bound[known], self.of[known]
            q = p + (1 - p) * each.size if each.upward else p * (1 - each.size)
            row[of, bet] = np.log((1 - q) / (1 - p)) / self.inflation[known]
            repeat[of, bet] = np.log(q / p) / self.inflation[known] - row[of, bet]
        return row, repeat

    def after(self, rows: Index, repeats: Index) -> RepeatBets:
        """What is known after more sums over rows, in their order; what is farthest out counts.

        rows: (T,), of each sum, FEWEST in all. repeats: (T, N), of them that repeat a value.
        """
        if rows.sum() < FEWEST:
            raise ValueError(f"{rows.sum()} rows do not tell how often values repeat themselves")
        least, most, inflation = self.least.copy(), self.most.copy(), self.inflation.copy()
        for n in range(self.of.size):
            inflation[n] = max(inflation[n], _inflation(rows, repeats[:, n]))
            sums = _stretches(rows, repeats[:, n]) / inflation[n]
            lower, upper = _bounds(sums[0], sums[1], FAILURE / self.channels)
            least[n], most[n] = min(least[n], lower), max(most[n], upper)
        return replace(self, least=least, most=most, inflation=inflation)


def unknown(compared: Compared) -> RepeatBets:
    """Nothing is known yet."""
    count = compared.of.size
    nothing = np.zeros(count)
    return RepeatBets(compared.of, compared.channels, nothing, nothing, np.ones(count))


def of_calibration(compared: Compared, channels: Channels) -> tuple[RepeatBets, int]:
    """What calibration values tell, and after how many rows of the stream the bets are known.

    Where values are in the order of the stream, a few rows are to show whether they really are: a
    file may have mixed sensors that each have a partition of their own.
    """
    bets, rows = unknown(compared), channels.values.shape[1]
    if not channels.ordered or rows < FEWEST:
        return bets, ROWS_TO_LEARN
    values = channels.values.T
    repeated = compared.repeated(values, np.zeros(rows, dtype=np.int64), LastValues())
    length = max(16, rows // _CALIBRATION_SUMS)
    cuts = [*range(0, rows - length + 1, length), rows]
    repeats = compared.repeats(values, repeated, cuts)[:, compared.of]
    bets = replace(bets, least=np.ones(compared.of.size)).after(np.diff(cuts), repeats)
    rests = np.array([longest_run(each) >= LONGEST for each in repeated.T], dtype=np.bool_)
    least, most = np.where(rests, 0.0, bets.least), np.where(rests, 1.0, bets.most)
    return replace(bets, least=least, most=most), ROWS_TO_CHECK


def longest_run(repeated: NDArray[np.bool_]) -> int:
    """How many consecutive rows (n,) repeat a value at most."""
    ends = np.flatnonzero(~repeated)
    return int(np.diff(ends, prepend=-1, append=repeated.size).max()) - 1


def _inflation(rows: Index, repeats: Index) -> float:
    """Of the variance of their number, by clusters; 1 where sums are too few to tell."""
    p = repeats.sum() / rows.sum()
    if len(rows) < FEWEST_BLOCKS or not 0 < p < 1:
        return 1.0
    nothing = np.empty(0, dtype=np.int64)
    one = Bets(nothing, np.array([[0.0], [1.0]]), np.array([p]), np.array([p * (1 - p)]), (), 0.0)
    counts = np.stack([rows - repeats, repeats], axis=1).astype(np.float64)
    return float(estimate(one, counts, caution=1.0)[0])


def _stretches(rows: Index, repeats: Index) -> Index:
    """Both, summed up over each stretch, (2, STRETCHES)."""
    stretches = min(STRETCHES, len(rows))
    starts = np.linspace(0, len(rows), stretches + 1).round().astype(np.int64)[:-1]
    return np.stack([np.add.reduceat(each, starts) for each in (rows, repeats)])


def _bounds(n: Floats, k: Floats, failure: float) -> tuple[float, float]:
    """The lowest lower and the highest upper bound of shares k / n."""
    some, others = np.maximum(k, 1e-9), np.maximum(n - k, 1e-9)
    lower = np.where(k > 0, special.betaincinv(some, n - k + 1, failure), 0.0)
    upper = np.where(k < n, special.betaincinv(k + 1, others, 1 - failure), 1.0)
    return float(lower.min()), float(upper.max())
