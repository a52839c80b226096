"""The test of the error and that of the channels as one detector, with one budget.

    S = 1/2 S_error + 1/2 S_channels

To confirm, the capital of 1 is parted by the square roots of both. What is found is error drift
if the error's own evidence would have been enough, or is the larger half; else it is input drift:
the inputs moved, and the model still fits them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from models.channels import Channels
from monitor.drift.blocks import Block
from monitor.drift.channels.betting import ChannelTest
from monitor.drift.channels.digits import Digitise, no_digits
from monitor.drift.channels.findings import ERROR, INPUT
from monitor.drift.channels.weights import EQUAL, Weights
from monitor.drift.detectors import Detector
from monitor.drift.detectors.evidence import NOTHING, Calm, Evidence, Finding
from monitor.drift.detectors.plays import CERTAINLY_LESS
from monitor.drift.runs import Run

LEAST_SHARE: Final = 0.1
"""Of the capital to confirm with, that each half has at least."""
_DIRECTIONS: Final = {"higher": "larger", "lower": "smaller", "stuck": "narrower"}


class WithChannels:
    """A detector of the error, and channels beside it.

    Blocks without channels are played by the error alone.
    """

    def __init__(self, error: Detector, channels: ChannelTest) -> None:
        self.error, self.channels = error, channels
        self._own = self._others = 0.0  # evidence of each half; what each capital has become
        self._level = math.inf
        self._share = 0.5
        self._confirming = self._again = False

    def anew(self) -> WithChannels:
        """As `Detector.anew`."""
        return WithChannels(self.error.anew(), self.channels.anew())

    @property
    def ready(self) -> bool:
        """True once the dependence of neighbours is known."""
        return self.error.ready and self.channels.ready

    @property
    def progress(self) -> float:
        """Share of the rows needed to know it."""
        return min(self.error.progress, self.channels.progress)

    @property
    def dependence(self) -> float:
        """Of the error."""
        return self.error.dependence

    @property
    def supported(self) -> float:
        """Of the test of the error, which has half of the evidence."""
        return self.error.supported

    def watch(self, block: Block, records: float, *, learn: bool) -> Evidence:
        """As `Detector.watch`."""
        self._confirming, self._again, self._level = False, not learn, records
        self._own = 10 ** self.error.watch(block, records, learn=learn).statistic
        if block.channels is not None:
            self._others = self.channels.watch(block, block.channels, learn=learn)
        return self._evidence(0.5, records)

    def watch_calm(self, run: Run, records: float) -> Calm | None:
        """As `Detector.watch_calm`: while neither half alone comes near what it would take."""
        played = None
        if run.channels is not None:
            played = self.channels.play(run.channels, run, CERTAINLY_LESS * records)
            run = run.first(len(played.evidence))
        elif self._others >= CERTAINLY_LESS * records:
            return None
        calm = self.error.watch_calm(run, records)
        if calm is None:
            return None
        self._confirming, self._again, self._level = False, False, records
        self._own = 10**calm.evidence.statistic
        if played is not None:
            self._others = self.channels.take(played, run.first(calm.blocks))
        return Calm(calm.blocks, self._evidence(0.5, records))

    def begin_confirmation(self) -> None:
        """As `Detector.begin_confirmation`."""
        roots = math.sqrt(self._own), math.sqrt(self._others)
        share = roots[0] / max(sum(roots), 1e-300)
        self._share = min(max(share, LEAST_SHARE), 1 - LEAST_SHARE)
        self.error.begin_confirmation()
        self.channels.begin_confirmation()
        self._own = self._others = 1.0
        self._confirming = True

    def confirm(self, block: Block, odds: float) -> Evidence:
        """As `Detector.confirm`."""
        self._level = odds
        self._own = 10 ** self.error.confirm(block, odds).statistic
        if block.channels is not None:
            self._others = self.channels.confirm(block, block.channels)
        return self._evidence(self._share, odds)

    def _evidence(self, share: float, level: float) -> Evidence:
        both = share * self._own + (1 - share) * self._others
        return Evidence(math.log10(max(both, 1e-300)), math.log10(level))

    @property
    def _kind(self) -> str:
        share = self._share if self._confirming else 0.5
        enough = self._own >= self._level
        return ERROR if enough or share * self._own >= (1 - share) * self._others else INPUT

    def finding(self) -> Finding:
        """What the evidence points to, with the channels that have moved."""
        found, onset = self.channels.found(self._alone)
        if self._kind == ERROR:
            finding = self.error.finding()
            return finding if finding is NOTHING else replace(finding, kind=ERROR, channels=found)
        if not found:
            return NOTHING
        first = found[0]
        direction = _DIRECTIONS.get(first.direction, first.direction)
        words = "the inputs have moved, and the model still fits them"
        return Finding(direction, words, onset, kind=INPUT, channels=found)

    def restart(self) -> None:
        """Forget all evidence; when drift is found again, only that which found it.

        Where drift was found, the blocks since it began are remembered: they say since when
        channels have moved that are found later.
        """
        share = self._share if self._confirming else 0.5
        drifting = share * self._own + (1 - share) * self._others >= self._level
        if not (self._again and self._found_by_channels):
            self.error.restart()
            self._own = 0.0
        self._others = 0.0
        if drifting and self._again:
            self._others = self.channels.begin_again(self._alone)
        elif drifting:
            self.channels.confirmed()
        else:
            self.channels.restart()
        self._again = False

    @property
    def _found_by_channels(self) -> bool:
        return self._own / 2 < self._level <= (self._own + self._others) / 2

    @property
    def _alone(self) -> float:
        """A channel's part of the evidence that is enough by itself to find drift again."""
        return 2 * self._level if self._again else math.inf

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs."""
        return {
            "error": self.error.state(),
            "channels": self.channels.state(),
            "halves": [self._own, self._others, self._share],
            "level": self._level if math.isfinite(self._level) else None,
            "confirming": self._confirming,
            "again": self._again,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, by a test with channels or, of before, without."""
        if "channels" not in state:
            self.error.restore(state)
            return
        self.error.restore(state["error"])
        self.channels.restore(state["channels"])
        self._own, self._others, self._share = (float(each) for each in state["halves"])
        self._level = math.inf if state["level"] is None else float(state["level"])
        self._confirming, self._again = bool(state["confirming"]), bool(state["again"])


def with_channels(
    error: Detector, channels: Channels | None, tolerance: float, weights: Weights = EQUAL
) -> tuple[Detector, Digitise]:
    """A detector of the error, with channels beside it if there are any, and their digits.

    weights: of the channels, by their groups.
    Raises ValueError if there are too few calibration records for them.
    """
    if channels is None:
        return error, no_digits
    test = ChannelTest(channels, tolerance, weights)
    return WithChannels(error, test), test.digitise
