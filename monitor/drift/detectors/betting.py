"""The betting test: bets on the bins of the error, and an e-detector over them.

Idea: each bet of `bets` is a game that loses on average while there is no drift. A new game is
begun with every row, and the evidence S is the capital of all games together (the
Shiryaev-Roberts e-detector: Shin, Ramdas and Rinaldo, E-detectors, New England Journal of
Statistics in Data Science 2, 2024). Without drift the mean of S after t rows is at most t, so
that S reaches a level A once in A rows at most, on average, whenever and however often one looks.

    M_c <- (M_c + m) exp(sum over the block's m rows of log f_c / V_c)        for each bet c
    S   =  mean of M_c

V_c >= 1 weakens a bet for dependence between neighbours (see `dependence`). With several
partitions S is half that of all rows together and half the sum of the partitions' own, each
with its own rows: a change in one of eight is then found almost as soon as one in all.

Confirmation: the bets get shares of a capital of 1 by what they have earned, and play on with
fresh rows. Without drift that ever reaches `odds` with a chance of 1 / odds at most (Ville's
inequality).

>>> test = BettingTest.of(reference, DetectorSettings(tolerance=0.05))
>>> test.watch(block, records=1e4, learn=True).drifting

Cost: about 10 us a block for one partition, however many rows it has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.blocks import Block
from monitor.drift.detectors import bets as betting
from monitor.drift.detectors import plays
from monitor.drift.detectors.bets import Bets
from monitor.drift.detectors.block_history import BlockHistory
from monitor.drift.detectors.dependence import Dependence, from_ordered
from monitor.drift.detectors.evidence import NOTHING, Calm, Evidence, Finding
from monitor.drift.detectors.plays import LARGEST_GAIN, BlockBins, Stakes, log10, widened
from monitor.drift.runs import Run
from monitor.stream.records import Partition

if TYPE_CHECKING:
    from monitor.drift.detectors import DetectorSettings

LARGEST_CAPITAL: Final = 1e60
SUPPORTED: Final = 2.6e8
"""Largest budget for which the bounds were measured: no alarm in 2 x 10^9 records in control."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class BettingTest:
    """Watches for any drift that `alternatives` names, larger, smaller or narrower errors.

    bets: on the bins of the reference. dependence: what is known of it.
    """

    supported = SUPPORTED

    def __init__(self, bets: Bets, dependence: Dependence) -> None:
        self.bets = bets
        self._dependence = dependence
        self._partitions: tuple[Partition, ...] = ()
        self._number(())
        self._capital = np.zeros((1, len(bets.alternatives)))  # (S, C), all rows first
        self._share = np.full(len(bets.alternatives), 1 / len(bets.alternatives))
        self._confirming: Floats | None = None
        self._clear_table()
        self._block_history = BlockHistory(1, bets.bins)
        self._temper()

    @classmethod
    def of(cls, reference: Reference, settings: DetectorSettings) -> BettingTest:
        """The test for a reference; ValueError if it has too few errors for any bet."""
        bets = betting.build(reference, settings.tolerance)
        if reference.in_order is None:
            return cls(bets, Dependence(bets))
        ordered = reference.in_order / reference.unit
        inflation = from_ordered(bets, ordered)
        if inflation is not None and inflation.max() > 1:
            # Dependent calibration errors say less about the reference, too.
            bets = betting.build(reference, settings.tolerance, float(inflation.max()))
            inflation = from_ordered(bets, ordered)
        return cls(bets, Dependence(bets, inflation))

    def anew(self) -> BettingTest:
        """As `Detector.anew`."""
        return BettingTest(self.bets, Dependence(self.bets))

    @property
    def ready(self) -> bool:
        """True once the dependence of neighbours is known."""
        return self._dependence.known

    @property
    def progress(self) -> float:
        """Share of the rows needed to know it."""
        return self._dependence.progress

    @property
    def dependence(self) -> float:
        """The largest inflation of any bet."""
        return self._largest

    def _clear_table(self) -> None:
        self._table = np.zeros((len(self._capital), self.bets.bins))
        self._filled = np.empty(0, dtype=np.int64)

    def _temper(self) -> None:
        self._gains = self.bets.log_factors / self._dependence.inflation  # (K, C)
        self._steepest = float(self._gains.max())
        self._largest = float(self._dependence.inflation.max())

    def watch(self, block: Block, records: float, *, learn: bool) -> Evidence:
        """Let the bets play a block; suspicious at S >= records."""
        bins, size = self._bin(block), block.buckets.size
        if bins.cells is None:
            factors = plays.row_by_row(bins.each, self._gains)
        else:
            factors = np.dot(bins.each, self._gains).take(bins.touched, axis=0)
        if size * self._steepest > LARGEST_GAIN:
            np.minimum(factors, LARGEST_GAIN, out=factors)
        np.exp(factors, out=factors)
        if bins.cells is None:
            self._capital += bins.rows
            self._capital *= factors
        else:
            # Where no row came, the capital stays as it is: few partitions are in a block.
            self._capital[bins.touched] = (self._capital[bins.touched] + bins.rows) * factors
        if (evidence := self._evidence()) > LARGEST_CAPITAL / self._capital.size:
            np.minimum(self._capital, LARGEST_CAPITAL, out=self._capital)
        together = bins.each[0]
        self._block_history.add(together, bins.cells, block.start)
        if learn and self._dependence.add(together, size, block.ended_by_time):
            self._temper()
        return Evidence(log10(evidence), math.log10(records))

    def watch_calm(self, run: Run, records: float) -> Calm | None:
        """Let the bets play the blocks before one that may be suspicious, or changes the bets."""
        run = run.first(self._dependence.addable(run.sizes, run.by_time))
        if run.blocks < 2:
            return None
        bins = self.bets.bin_of_bucket.take(run.buckets)
        counts = plays.together(run, bins, self.bets.bins)
        stakes = Stakes(self._gains, self._share, records)
        parts = None
        if len(self._partitions) <= 1 and self._alone(run):
            calm = plays.play_alone(self._capital, counts, run.sizes, stakes)
        else:
            scopes = self._known_scopes(run)
            if scopes is None:
                return None
            cells = scopes * self.bets.bins + bins
            calm = plays.play_scopes(self._capital, counts, run, scopes, cells, stakes)
            parts = [cells[start:end] for start, end in pairwise(run.cuts)]
        if not calm:
            return None
        self._block_history.add_run(counts[:calm], parts, run.starts[:calm])
        self._dependence.add_run(counts[:calm], run.sizes[:calm], run.by_time[:calm])
        return Calm(calm, Evidence(log10(self._evidence()), math.log10(records)))

    def _evidence(self) -> float:
        # A product with equal shares: a third of the time of a sum, and this is for each block.
        together = float(np.dot(self._capital[0], self._share))
        if len(self._capital) == 1:
            return together
        return 0.5 * together + 0.5 * float(np.dot(self._capital[1:], self._share).sum())

    def _bin(self, block: Block) -> BlockBins:
        bins = self.bets.bin_of_bucket.take(block.buckets)
        together = np.bincount(bins, minlength=self.bets.bins)
        if len(self._partitions) <= 1 and self._alone(block):
            return BlockBins(together.astype(np.float64)[None, :], float(block.rows))
        scopes = self._scopes(block)
        cells = scopes * self.bets.bins + bins
        # One table for all blocks: to fill a new one with zeros takes longer than all else.
        flat = self._table.reshape(-1)
        flat[self._filled] = 0
        np.add.at(flat, cells, 1.0)  # a whole number would take four times as long
        self._filled = cells
        self._table[0] = together
        rows = np.bincount(scopes, minlength=len(self._capital))
        rows[0] = block.rows
        touched = rows.nonzero()[0]
        return BlockBins(self._table, rows[touched].astype(np.float64)[:, None], touched, cells)

    def _alone(self, block: Block | Run) -> bool:
        """True if all rows are of the only partition that was ever seen."""
        first = block.partition[0]
        if len(block.partitions) > 1 and not (block.partition == first).all():
            return False
        partition = block.partitions[first]
        if self._partitions not in ((), (partition,)):
            return False
        self._partitions = (partition,)
        return True

    def _known_scopes(self, rows: Block | Run) -> Index | None:
        """The scope of each row's partition, (rows,); None if one has none yet."""
        if rows.partitions is not self._numbered or len(self._scope) < len(rows.partitions):
            self._number(rows.partitions)
        scopes = self._scope.take(rows.partition)
        return scopes if len(self._capital) > 1 and scopes.all() else None

    def _scopes(self, block: Block) -> Index:
        """The scope of each row's partition, (rows,)."""
        scopes = self._known_scopes(block)
        if scopes is None:
            self._know({block.partitions[i] for i in np.unique(block.partition).tolist()})
            self._number(block.partitions)
            scopes = self._scope.take(block.partition)
        return scopes

    def _number(self, partitions: Sequence[Partition]) -> None:
        """Note the scope of each of these partitions, 0 for those that have none."""
        scopes = {p: scope for scope, p in enumerate(self._partitions, 1)}
        self._scope = np.array([scopes.get(p, 0) for p in partitions], dtype=np.int64)
        self._numbered = partitions

    def _know(self, partitions: set[Partition]) -> None:
        """Give every partition a scope of its own, in an order that no arrival changes."""
        known = tuple(sorted(partitions.union(self._partitions)))
        old = self._partitions if len(self._capital) > 1 else ()
        places = np.array([0, *(1 + known.index(p) for p in old)], dtype=np.int64)
        self._capital = widened(self._capital, places, 1 + len(known))
        if self._confirming is not None:
            self._confirming = widened(self._confirming, places, 1 + len(known))
        self._block_history.widen(places, 1 + len(known))
        self._partitions = known
        self._clear_table()

    def begin_confirmation(self) -> None:
        """Give each bet a share of a new capital of 1, by the square root of what it has won."""
        # In proportion to what they won, one lucky bet would take nearly all.
        shares = np.sqrt(self._capital)
        self._confirming = shares / max(shares.sum(), 1e-300)
        self._capital[:] = 0
        self._dependence.forget_recent()

    def confirm(self, block: Block, odds: float) -> Evidence:
        """Let the suspicious bets play a block; confirmed at a capital of `odds`."""
        if self._confirming is None:
            raise RuntimeError("begin_confirmation comes before confirm")
        bins = self._bin(block)
        gains = (bins.each @ self._gains)[bins.touched]
        factors = np.exp(np.clip(gains, -LARGEST_GAIN, LARGEST_GAIN))
        played = self._confirming[bins.touched] * factors
        self._confirming[bins.touched] = np.minimum(played, LARGEST_CAPITAL)
        return Evidence(log10(float(self._confirming.sum())), math.log10(odds))

    def finding(self) -> Finding:
        """The bet with the largest capital."""
        capital = self._capital if self._confirming is None else self._confirming
        if not capital.any():
            return NOTHING
        scope, bet = (int(i) for i in np.unravel_index(int(capital.argmax()), capital.shape))
        alternative = self.bets.alternatives[bet]
        return Finding(
            direction=alternative.direction,
            words=alternative.words(self.bets.tolerance),
            onset=self._block_history.onset(scope, self._gains[:, bet]),
            partition=self._partitions[scope - 1] if scope else None,
            change=alternative.kind,
        )

    def restart(self) -> None:
        """Take all capital away."""
        self._capital[:] = 0
        self._confirming = None
        self._block_history.clear()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "partitions": [[p.topic, p.number] for p in self._partitions],
            "capital": self._capital,
            "confirming": self._confirming,
            "trail": self._block_history.state(),
            "dependence": self._dependence.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._partitions = tuple(Partition(topic, number) for topic, number in state["partitions"])
        self._number(())
        self._capital, confirming = np.array(state["capital"]), state["confirming"]
        self._confirming = None if confirming is None else np.array(confirming)
        self._clear_table()
        self._block_history.restore(state["trail"])
        self._dependence.restore(state["dependence"])
        self._temper()
