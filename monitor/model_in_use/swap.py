"""Replaces the model between two batches.

    all that was done becomes final -> the new model's parts -> its totals begin where the accepted
    snapshot stands -> the episode of the old model is told to be over -> a snapshot of the new one

Until that last snapshot counts, the one that counts is the old model's, with the same totals and
offsets. A crash at any point, or work that is taken back, leads to it: whichever model is then
in use takes the totals, and says the same of the old model's episode.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from monitor.drift.judge import Change
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.step import Pipeline
from monitor.process import failpoints
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
"""Between attempts to make final what was done, while that fails."""


class CheckpointState(Protocol):
    """What was done, and whether it is final; the daemon's checkpoints."""

    @property
    def doubtful(self) -> bool:
        """True while work is to be taken back."""

    @property
    def final(self) -> bool:
        """True if all that was done is in the accepted snapshot."""

    @property
    def pending(self) -> bool:
        """True while a snapshot is written and not yet accepted."""

    def offsets(self) -> Mapping[Partition, int]:
        """The next offset of each partition that is ours."""

    def carry_over(self) -> None:
        """Go on from the accepted snapshot with another model."""


class Swap:
    """Puts another model in the place of the one in use.

    checkpoint: makes final what was done so far. tell: publishes the end of an episode; true
    once it is safe. replaced: called with a model that has just taken its place, and the seconds
    for which reading stopped.
    """

    def __init__(
        self,
        slot: ModelSlot,
        pipeline: Pipeline,
        checkpoints: CheckpointState,
        checkpoint: Callable[[], None],
        tell: Callable[[Change], bool],
        replaced: Callable[[LoadedModel, float], None],
    ) -> None:
        self._slot = slot
        self._pipeline = pipeline
        self._checkpoints = checkpoints
        self._checkpoint = checkpoint
        self._tell = tell
        self._replaced = replaced
        self._not_before = float("-inf")

    def finish_handover(self) -> None:
        """Tell the end of an old model's episode, before anything is done with the new one."""
        if self._pipeline.handovers and not self._checkpoints.doubtful:
            self._finish_handover()

    def turn(self) -> None:
        """Between two batches: take a model that waits."""
        if self._checkpoints.doubtful:
            return
        if self._slot.version is not None and time.monotonic() >= self._not_before:
            self._take()

    def _take(self) -> None:
        started = time.monotonic()
        if not self._finish():
            self._not_before = time.monotonic() + RETRY_SECONDS
            return
        failpoints.reach("swap_begun")
        model = self._slot.take()
        if model is None:
            return
        if model.version == self._slot.current.version:
            log.info("the model that was offered is the one in use", version=model.version)
            return
        self._replace(model)
        self._replaced(model, time.monotonic() - started)

    def _finish(self) -> bool:
        """Make final all that was done; false if that is not possible now."""
        if not self._checkpoints.final:
            earlier = self._checkpoints.pending
            self._checkpoint()
            if earlier and not self._checkpoints.pending:
                self._checkpoint()  # the snapshot that was already written held less
        return self._checkpoints.final

    def _replace(self, model: LoadedModel) -> None:
        old, self._slot.current = self._slot.current.version, model
        self._pipeline.replace(
            model.decode, model.scorer, model.judge, model.series, model.explanations,
            model.picker, model.segments,
        )  # fmt: skip
        self._checkpoints.carry_over()
        log.info("model replaced", old=old, new=model.version)
        failpoints.reach("model_replaced")
        self._finish_handover()
        failpoints.reach("swap_done")

    def _finish_handover(self) -> None:
        """Tell the end of the old model's episode, and make the new model's totals final.

        Only with partitions of our own: without, there are no offsets to make it final with.
        """
        if not self._checkpoints.offsets():
            return
        while self._pipeline.handovers:
            # After a crash in between all are told again, with the same keys.
            if not self._tell(self._pipeline.handovers[0]):
                return
            failpoints.reach("handover_told")
            del self._pipeline.handovers[0]
        self._checkpoint()
