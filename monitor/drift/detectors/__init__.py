"""Drift detectors, one a file: each compares the stream's errors with the reference.

A detector turns blocks of bucket counts into evidence. What follows from the evidence (pending,
firing, resolved) belongs to `episodes`: a detector that resets itself flaps. To add one: write
its file, give it the `Detector` form, and name it in `DETECTORS` or `ADVISORY`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from models.deferred import deferred

if TYPE_CHECKING:
    from models.reference import Reference
    from monitor.drift.blocks import Block
    from monitor.drift.detectors.evidence import Calm, Evidence, Finding
    from monitor.drift.runs import Run


class Detector(Protocol):
    """Gathers evidence of drift from consecutive blocks, in two stages.

    It watches until drift is suspected. A confirmation then begins, which uses fresh blocks
    only: so the chance of two wrong answers in a row is the product of the chances of each.
    """

    @property
    def ready(self) -> bool:
        """False while it is still learning about the stream."""

    @property
    def progress(self) -> float:
        """How far it has learned, in [0, 1]."""

    @property
    def dependence(self) -> float:
        """Largest factor by which evidence is weakened for dependence of neighbours, >= 1."""

    @property
    def supported(self) -> float:
        """Records per false alarm that it can promise at most."""

    def anew(self) -> Detector:
        """Another with the same bets, for a part of the stream, that has seen nothing yet.

        How neighbours depend on each other in the whole stream says nothing of a part: it learns.
        """

    def watch(self, block: Block, records: float, *, learn: bool) -> Evidence:
        """Take a block into account; without drift suspect it once in `records` rows at most.

        learn: the stream is believed to be in control, and may be learned from.
        """

    def watch_calm(self, run: Run, records: float) -> Calm | None:
        """Take as many blocks of the run into account, as `watch` does with `learn`, as are calm.

        Calm are blocks that bring no suspicion and need no other work than their own. None: the
        next block must be given to `watch`.
        """

    def begin_confirmation(self) -> None:
        """Go on with fresh evidence, for the kinds of drift that are suspected."""

    def confirm(self, block: Block, odds: float) -> Evidence:
        """Take a block into account; without drift confirm it with a chance of 1 / odds."""

    def finding(self) -> Finding:
        """What the evidence since the last restart points to."""

    def restart(self) -> None:
        """Forget all evidence."""

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What every detector is told.

    tolerance: relative change of the error that is not worth an alarm (0.05 is 5%).
    """

    tolerance: float


Build = Callable[["Reference", DetectorSettings], Detector]
DETECTORS: Final[dict[str, Build]] = {
    "betting": deferred("monitor.drift.detectors.betting:BettingTest.of"),
    "binomial": deferred("monitor.drift.detectors.binomial:BinomialExceedance.of"),
}
"""What builds each detector that keeps a budget of false alarms, by its name in `drift.detector`.
Raises ValueError for a reference that is too small for it."""
ADVISORY: Final[dict[str, Build]] = {
    "adwin": deferred("monitor.drift.detectors.adwin:AdwinOnLogErrors.of"),
}
"""Early signals without a guarantee, by their names in `drift.advisory`: they page nobody."""
