"""The betting test of channels: what `detectors.betting` does for the error, for C channels.

    M_cb <- (M_cb + m) exp(sum over the block's m rows of log f_cb / V_cb)      bet b of channel c
    S     =  sum over channels of w_c times the mean over their bets

B bets of each channel are on the bins that its values lie in (`rank_bets`), and R on values that
repeat those before them (`repeat_bets`). All partitions together. State: 0.9 MB at 100 channels,
most of it to say where a drift began.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.channels import Channels
from monitor.drift.blocks import Block, Position
from monitor.drift.channels import findings, rank_bets, repeat_bets
from monitor.drift.channels.compared import Compared
from monitor.drift.channels.dependence import ChannelDependence
from monitor.drift.channels.digits import Digitiser
from monitor.drift.channels.findings import Usual
from monitor.drift.channels.history import ChannelHistory
from monitor.drift.channels.repeat_bets import REPEATED
from monitor.drift.channels.repeats import Repeats
from monitor.drift.channels.tally import Tallies, Tally
from monitor.drift.channels.weights import EQUAL, Weights, divisors
from monitor.drift.detectors.plays import LARGEST_GAIN
from monitor.drift.runs import Run
from monitor.stream.records import ChannelDrift

LARGEST_CAPITAL: Final = 1e60
ALL: Final = (*rank_bets.RANKED, *REPEATED)
"""What is bet on, B + R of them."""
NAMED: Final = 1000.0
"""Capital that a channel is named from; the first one is always."""

Floats = NDArray[np.float64]


class Played(NamedTuple):
    """Blocks that were played and not taken yet.

    capital: (blocks, C, B + R), and evidence: (blocks,), after each. tallies: of these and others.
    """

    capital: Floats
    evidence: Floats
    tallies: Tallies


class ChannelTest:
    """Watches channels for values that are higher, lower, stuck, wider or narrower."""

    def __init__(self, channels: Channels, tolerance: float, weights: Weights = EQUAL) -> None:
        """Raises ValueError if there are too few calibration records."""
        self._bets = bets = rank_bets.build(channels, tolerance)
        self._usual = Usual.of(channels)
        compared = Compared.among(channels)
        self.digitise = Digitiser(
            bets.edges, self._usual.mean, self._usual.spread,
            bets.log_factors, bets.shared, bets.log_bounds, bets.plain,
            compared,
        ).digits  # fmt: skip
        useful = np.concatenate([bets.useful, repeat_bets.unknown(compared).played], axis=1)
        self._share = useful / np.maximum(useful.sum(axis=1, keepdims=True), 1)  # (C, B + R)
        self._divisors = divisors(weights, channels)  # (C,)
        self._share /= self._divisors[:, np.newaxis]
        self._begin()
        self._dependence = ChannelDependence(bets)
        self._compared = compared
        self._repeats = Repeats(*repeat_bets.of_calibration(compared, channels))

    def anew(self) -> ChannelTest:
        """Another with the same bets, that has seen nothing yet: see `Detector.anew`."""
        other = copy.copy(self)
        other._begin()
        other._dependence = ChannelDependence(replace(self._bets, inflation=None))
        other._repeats = Repeats(repeat_bets.unknown(self._compared))
        return other

    def _begin(self) -> None:
        """Nothing was seen yet."""
        self._capital = np.zeros(self._share.shape)
        self._confirming: Floats | None = None
        self._suspected = 0.0
        channels, bins = self._bets.counts.shape
        self._history = ChannelHistory(channels, bins, self._usual.mean.size)

    @property
    def ready(self) -> bool:
        """True once the dependence of neighbours is known."""
        return self._dependence.known

    @property
    def progress(self) -> float:
        """Share of the rows needed to know it."""
        return self._dependence.progress

    @property
    def worth(self) -> Floats | None:
        """As of `RankBets`."""
        return self._bets.worth

    def watch(self, block: Block, tally: Tally, *, learn: bool) -> float:
        """Let the bets play a block; the evidence S, or LARGEST_CAPITAL."""
        self._capital += block.rows
        self._capital *= self._multiples(Tallies.single(tally))[0]
        np.minimum(self._capital, LARGEST_CAPITAL, out=self._capital)
        self._history.add(tally, block.start)
        if learn:
            self._dependence.add(tally.counts, block.rows, block.ended_by_time)
            self._repeats.add(tally.rows, tally.repeats)
        return self.evidence

    @property
    def evidence(self) -> float:
        """The evidence S; while confirming, what a capital of 1 has become."""
        if self._confirming is not None:
            return float(self._confirming.sum())
        return float(np.vdot(self._capital, self._share))

    def play(self, tallies: Tallies, run: Run, records: float) -> Played:
        """The capital after each block of a run, before the first that may be suspicious.

        Changes nothing: `take` does. tallies: of the run's blocks. records: the evidence at which
        drift is suspected. It ends before a block that changes the bets, or what is known of the
        dependence.
        """
        blocks = self._dependence.addable(tallies.counts, run.by_time)
        blocks = min(blocks, self._repeats.addable(tallies.rows))
        multiples = self._multiples(tallies.part(0, blocks))
        played, evidence = np.empty_like(multiples), np.empty(blocks)
        before = self._capital
        for number, after in enumerate(played):
            np.add(before, run.sizes[number], out=after)
            after *= multiples[number]
            np.minimum(after, LARGEST_CAPITAL, out=after)
            evidence[number] = np.vdot(after, self._share)
            if evidence[number] >= records:
                blocks = number
                break
            before = after
        return Played(played[:blocks], evidence[:blocks], tallies)

    def take(self, played: Played, run: Run) -> float:
        """Leave what `watch` leaves after the blocks of a run; the evidence S.

        run: one block or more, the first ones that were played.
        """
        blocks = run.blocks
        self._capital[:] = played.capital[blocks - 1]
        tallies = played.tallies.part(0, blocks)
        self._history.add_run(tallies, run.starts)
        self._dependence.add_run(tallies.counts, run.sizes, run.by_time)
        for rows, each in zip(tallies.rows.tolist(), tallies.repeats, strict=True):
            self._repeats.add(rows, each)
        return float(played.evidence[blocks - 1])

    def _multiples(self, tallies: Tallies) -> Floats:
        """What the capital is multiplied by, (T, C, B + R), by T blocks."""
        of_bins = tallies.gains.shape[2]
        gains = np.empty((len(tallies.gains), *self._share.shape))
        np.divide(tallies.gains, self._dependence.inflation, out=gains[..., :of_bins])
        gains[..., of_bins:] = self._repeats.gains(tallies.rows, tallies.repeats)
        np.minimum(gains, LARGEST_GAIN, out=gains)
        return np.asarray(np.exp(gains, out=gains))

    def begin_confirmation(self) -> None:
        """Give each channel what it has won of a new capital of 1.

        Within a channel, to each bet by the square root of what it has won.
        """
        earned = self._capital * self._share
        self._suspected = max(float(earned.sum()), 1e-300)
        roots = np.sqrt(earned)
        within = roots / np.maximum(roots.sum(axis=1, keepdims=True), 1e-300)
        self._confirming = earned.sum(axis=1, keepdims=True) / self._suspected * within
        self._capital[:] = 0
        self._dependence.forget_recent()
        self._repeats.forget_recent()

    def confirm(self, block: Block, tally: Tally) -> float:
        """Let the bets play a block; what a capital of 1 has become."""
        if self._confirming is None:
            raise RuntimeError("begin_confirmation comes before confirm")
        self._confirming *= self._multiples(Tallies.single(tally))[0]
        np.minimum(self._confirming, LARGEST_CAPITAL, out=self._confirming)
        self._history.add(tally, block.start)
        return self.evidence

    def found(self, alone: float = math.inf) -> tuple[tuple[ChannelDrift, ...], Position | None]:
        """The channels that have moved, and where the first one's drift began.

        In the order of `findings.ranked`. The place is None if nothing was won. alone: if any
        channel's part of the evidence is as large, only such ones.
        """
        earned = self._capital * self._share if self._confirming is None else self._confirming
        before = 1.0 if self._confirming is None else self._suspected
        won = earned.sum(axis=1) * before * self._divisors  # what each channel's own evidence is
        order = np.argsort(-won, kind="stable").tolist()
        named = [c for c in order if won[c] >= NAMED or (c == order[0] and won[c] > 0)]
        named = [c for c in order if earned[c].sum() >= alone] or named
        sure = [(self._usual.views[c], math.log10(max(won[c], 1e-300))) for c in named]
        named = [named[i] for i in findings.ranked(sure)[: findings.SHOWN]]
        found = [self._drift(c, int(earned[c].argmax()), float(won[c])) for c in named]
        return tuple(each for each, _ in found), found[0][1] if found else None

    def _drift(self, channel: int, bet: int, won: float) -> tuple[ChannelDrift, Position | None]:
        """What is known of a channel's drift. bet: the one that has won most of it."""
        gains = self._gains(channel, bet)
        onset = self._history.onset(channel, gains)
        moments = self._history.moments(channel, gains, channel)
        summed = int(self._usual.as_came[channel])
        as_came = self._history.moments(channel, gains, summed, later=True)
        inflation = float(self._dependence.inflation[channel].max())
        alternative = ALL[bet]
        shares = self._usual.shares(
            channel, self._bets.edges[channel], self._bets.counts[channel],
            self._history.counts(channel, gains),
        )  # fmt: skip
        drift = findings.drift(
            self._usual, channel, alternative, moments, as_came, onset, won, inflation, shares
        )
        return drift, onset

    def _gains(self, channel: int, bet: int) -> Floats:
        """Of a bet, as `ChannelHistory.onset` takes them."""
        of_bins = self._bets.log_factors[channel]
        if bet < of_bins.shape[1]:
            return np.append(of_bins[:, bet], 0.0)
        each = bet - of_bins.shape[1]
        row, repeat = self._repeats.row[channel, each], self._repeats.repeat[channel, each]
        return np.append(np.full(len(of_bins), row), repeat)

    def restart(self) -> None:
        """Take all capital away, and forget all blocks."""
        self._capital[:] = 0
        self._suspected = 0.0
        self._confirming = None
        self._history.clear()

    def begin_again(self, alone: float) -> float:
        """Take capital away, since drift was found once more; the evidence that is left.

        alone: if any channel's part of the evidence is as large, only of such ones: what others
        have won so far tells of them later.
        """
        sure = (self._capital * self._share).sum(axis=1) >= alone
        self._capital[sure if sure.any() else ...] = 0
        return self.evidence

    def confirmed(self) -> None:
        """Take all capital away, since drift was confirmed, and forget the blocks before it."""
        if self._confirming is not None and self._confirming.any():
            channel, bet = divmod(int(self._confirming.argmax()), self._confirming.shape[1])
            self._history.forget_before(channel, self._gains(channel, bet))
        self._capital[:] = 0
        self._suspected = 0.0
        self._confirming = None

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        of_bins, confirming = self._bets.log_factors.shape[2], self._confirming
        of_repeats = None if confirming is None else confirming[:, of_bins:]
        return {
            "capital": self._capital[:, :of_bins],
            "confirming": None if confirming is None else confirming[:, :of_bins],
            "capital_repeats": self._capital[:, of_bins:],
            "confirming_repeats": of_repeats,
            "suspected": self._suspected,
            "history": self._history.state(),
            "dependence": self._dependence.state(),
            "repeats": self._repeats.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._capital = self._capital_in(state, "capital")
        confirming = state["confirming"] is not None
        self._confirming = self._capital_in(state, "confirming") if confirming else None
        self._suspected = float(state["suspected"])
        self._history.restore(state["history"])
        self._dependence.restore(state["dependence"])
        self._repeats.restore(state.get("repeats"))

    def _capital_in(self, state: Mapping[str, Any], name: str) -> Floats:
        """Capital as it was kept, (C, B + R). Earlier versions had none of repeats."""
        capital = np.zeros(self._share.shape)
        of_bins = self._bets.log_factors.shape[2]
        capital[:, :of_bins] = state[name]
        capital[:, of_bins:] = state.get(f"{name}_repeats", 0)
        return capital
