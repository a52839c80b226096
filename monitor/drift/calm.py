"""Calm blocks: many at once, as long as nothing happens that a block must be looked at for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitor.drift.budget import ALLOWANCE_EVERY, Allowance
from monitor.drift.clock import Clock
from monitor.drift.coming import Coming
from monitor.drift.detectors import Detector
from monitor.drift.detectors.evidence import Evidence
from monitor.drift.episodes import Episodes, State
from monitor.drift.window import RollingWindow


class Taken(NamedTuple):
    """So many blocks were taken, and are still to be counted. evidence: after the last of them."""

    blocks: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CalmBlocks:
    """The parts of a judge that take blocks into account."""

    detector: Detector
    episodes: Episodes
    allowance: Allowance
    window: RollingWindow
    clock: Clock

    def take(self, coming: Coming, evaluations: int, until: int) -> Taken | None:
        """Take blocks in which nothing changes; None if the next is to be looked at.

        evaluations: before them. until: as of `Judge.watch`.
        """
        # The first block of these evaluations renews the allowance, and so does each of the first.
        most = -evaluations % ALLOWANCE_EVERY
        if most < 2 or evaluations < ALLOWANCE_EVERY or not self._calm():
            return None
        run = coming.run(most) if coming.before(until) else None
        if run is None:
            return None
        calm = self.detector.watch_calm(run, self.allowance.levels.records)
        if calm is None:
            return None
        run = run.first(calm.blocks)
        seconds = self.clock.advance_many(run.sizes, run.by_time, run.readings)
        self.window.add_run(run, seconds)
        return Taken(calm.blocks, calm.evidence)

    def _calm(self) -> bool:
        """True if a block without a suspicion changes no state."""
        if self.episodes.state is State.LEARNING:
            return not self.detector.ready
        return self.episodes.state is State.OK
