"""When what was done becomes final: snapshot written, offsets committed, snapshot accepted.

Between two checkpoints everything may be taken back: the memory goes to the last snapshot that
the group has accepted, and the records since are read again, with the same keys on their
outputs. That is what happens when a partition is taken away with work on it that is not
committed, and after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from monitor.daemon.beginnings import Beginnings, ReadBack
from monitor.daemon.cadence import Cadence
from monitor.daemon.planner import Planner, say_copied
from monitor.daemon.snapshots import Snapshots, committed_with, fits
from monitor.metrics import Metrics
from monitor.pipeline.step import Pipeline
from monitor.process import failpoints
from monitor.retraining.request import RetrainRequest
from monitor.state.folder import StateFolder, new_writer
from monitor.state.resume import COPIED, Plan, Policy
from monitor.state.snapshot import Snapshot, took_effect
from monitor.stream.offsets import Assigned, Committed, is_other
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

Commit = Callable[[Mapping[Partition, Committed]], bool]
"""Stores offsets with their notes; false if it is not certain that they are stored."""
OnFinal = Callable[[Sequence[RetrainRequest]], None]
Lookup = Callable[[Iterable[Partition]], Mapping[Partition, Committed] | None]
"""What is stored for partitions; None if the broker cannot be asked now."""


class Checkpoints:
    """Keeps the pipeline's memory in step with the group's offsets.

    folder: opened, or None to remember only while the process lives. fingerprint: of the
    settings that the memory depends on. on_final: called with the retraining requests that are
    final, again and again the same. read_back: reads again what others have read.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        metrics: Metrics,
        folder: StateFolder | None = None,
        fingerprint: str = "",
        cadence: Cadence | None = None,
        on_final: OnFinal = lambda requests: None,
        read_back: ReadBack | None = None,
    ) -> None:
        self._on_final = on_final
        self._requests: Sequence[RetrainRequest] = ()
        self._pipeline = pipeline
        self._metrics = metrics
        self._snapshots = Snapshots(folder, metrics)
        self._planner = Planner()
        self._cadence = cadence or Cadence()
        version = pipeline.judge.model_version
        self._accepted = Snapshot(new_writer(), 0, version, fingerprint, {}, pipeline.memory())
        self._pending: Snapshot | None = None
        self.beginnings = Beginnings(pipeline, read_back)
        self._series_notes: Mapping[Partition, str] = {}
        self._records = 0
        self._since = float("-inf")
        self.doubtful = False
        if folder is not None:
            self._load(folder)

    @property
    def writer(self) -> str:
        """Id of this state."""
        return self._accepted.writer

    @property
    def pending(self) -> bool:
        """True if a snapshot was written whose offsets may be committed or not."""
        return self._pending is not None

    @property
    def folder_failure(self) -> str:
        """Why the state's folder cannot be written; empty if it can."""
        return self._snapshots.failure

    @property
    def sequence(self) -> int:
        """Of the newest accepted snapshot."""
        return self._accepted.sequence

    def _load(self, folder: StateFolder) -> None:
        stored = folder.load()
        for line in stored.damaged:
            log.error("a snapshot is damaged; the one before it is used", snapshot=line)
            self._metrics.snapshots_damaged.inc()
        newest = stored.prepared or stored.accepted
        self._planner.loaded(newest.sequence if newest else 0, older=bool(stored.damaged))
        if newest is None:
            log.info("no snapshot: drift detection begins anew", folder=str(folder.folder))
            return
        if not fits(newest, self._accepted):
            self._inherit(newest)
            return
        if stored.accepted is not None and fits(stored.accepted, self._accepted):
            self._accepted = stored.accepted
        else:
            self._accepted = replace(self._accepted, writer=newest.writer)
        self._pending = stored.prepared
        self.doubtful = stored.prepared is not None
        self._recall()
        log.info("snapshot restored", sequence=self.sequence, in_doubt=self.doubtful)

    def _inherit(self, other: Snapshot) -> None:
        """Keep the id and the history of a snapshot by other settings: no request comes twice."""
        self._pipeline.inherit(other.memory)
        self._accepted = replace(
            self._accepted,
            writer=other.writer,
            sequence=other.sequence + 1,
            memory=self._pipeline.memory(),
        )
        self._on_final(self._pipeline.history.requests)

    def _recall(self) -> None:
        """Go back to the accepted snapshot. Its requests may not have been told before a crash."""
        self._pipeline.recall(self._accepted.memory)
        self._on_final(self._pipeline.history.requests)

    @property
    def final(self) -> bool:
        """True if all that was done is final: nothing of it can be taken back."""
        return not self.doubtful and not self._fresh

    def carry_over(self) -> None:
        """The pipeline has another model: its totals go on where the accepted snapshot stands.

        Only while all is `final`. Until the next checkpoint the snapshot is the old model's.
        """
        self._pipeline.recall(self._accepted.memory)

    def rewind(self) -> None:
        """Go back to the beginning of every partition, the first time it is assigned."""
        self._planner.rewind()

    def resume(
        self, assigned: Mapping[Partition, Assigned], policy: Policy
    ) -> dict[Partition, Plan]:
        """Decide where to go on with partitions that are ours from now on."""
        identity = max((item.identity for item in assigned.values()), default="")
        if is_other(self._accepted.identity, identity):
            if self._planner.is_copy(assigned, self._accepted, here=True):
                self._part_from_copy()
            plans = self._plans(assigned, policy)
            self._pipeline.begin_another_topic()
            self._remember_anew()
        else:
            copied = self._planner.is_copy(assigned, self._accepted)
            plans = self._plans(assigned, policy)
            if copied or any(item.case == COPIED for item in plans.values()):
                self._part_from_copy()
                # Whoever wrote with the id that was ours is somebody else, in other partitions too.
                others = {p: item for p, item in assigned.items() if plans[p].case != COPIED}
                plans |= self._plans(others, policy)
            if copied or any(item.anew for item in plans.values()):
                self._pipeline.begin_anew()
                self._remember_anew()
        self._accepted = replace(self._accepted, identity=identity or self._accepted.identity)
        for partition, item in plans.items():
            committed = assigned[partition].committed
            self.beginnings.begin(partition, item, committed, self.writer)
        return plans

    def knows(self, partition: Partition) -> bool:
        """Whether our state says where to go on with a partition."""
        return self._pipeline.ledger.next_offset(partition) is not None

    def _plans(
        self, assigned: Mapping[Partition, Assigned], policy: Policy
    ) -> dict[Partition, Plan]:
        return {
            p: self._planner.plan(p, item, self._accepted, self._pipeline.ledger, policy)
            for p, item in sorted(assigned.items())
        }

    def _remember_anew(self) -> None:
        self._accepted = replace(
            self._accepted,
            model_version=self._pipeline.judge.model_version,
            memory=self._pipeline.memory(),
        )

    def _part_from_copy(self) -> None:
        """Somebody else writes with our id, and was further: we are another state from now on."""
        say_copied(self.writer)
        self._accepted = replace(self._accepted, writer=new_writer())
        self.beginnings.take_over(self.writer)

    def lose(self, lost: Iterable[Partition]) -> None:
        """Partitions are someone else's; if work on them is not final, all of it is in doubt."""
        for partition in lost:
            known = self.beginnings.takeovers.pop(partition, None) is not None
            final = self.beginnings.starts.pop(partition, self._accepted.commits.get(partition))
            done = self._pipeline.ledger.next_offset(partition)
            if known and (self._pending or done != final):
                self.doubtful = True

    def settle(self, lookup: Lookup) -> bool:
        """Take back what is not final; false if the broker cannot be asked what is."""
        if self._pending is not None:
            committed = lookup(self._pending.commits)
            if committed is None:
                return False
            if took_effect(self._pending, self._accepted, committed):
                self._accept(self._pending)
            else:
                self._accepted = replace(self._accepted, sequence=self._pending.sequence)
            self._pending = None
        self._recall()
        self.beginnings.again()
        self._metrics.rollbacks.inc()
        self.doubtful = False
        return True

    def offsets(self) -> dict[Partition, int]:
        """Where to go on with each of our partitions."""
        return self.beginnings.offsets()

    def count(self, records: int) -> None:
        """Some records were decided on and published."""
        self._records += records

    def due(self, now: float) -> bool:
        """True when a checkpoint should be made. now: monotonic seconds."""
        waited = now - self._since
        if self._fresh:
            return waited >= self._cadence.seconds or self._records >= self._cadence.records
        return bool(self.beginnings.takeovers) and waited >= self._cadence.recommit_seconds

    @property
    def _fresh(self) -> bool:
        """True if there is something that is not final."""
        if self._pending is not None or self.beginnings.starts:
            return True
        return any(self._accepted.commits.get(p) != o for p, o in self.offsets().items())

    def make(self, commit: Commit, now: float) -> bool:
        """Write a snapshot, commit its offsets; true once they are accepted."""
        self._since = now
        if self._pipeline.handovers:
            return False  # else a crash before they are told would lose them
        if self._pending is None and not self._prepare():
            return False
        pending = self._pending
        if pending is None:
            return False
        self._planner.wrote(pending.commits, pending.sequence)
        offsets = committed_with(pending, self.beginnings.takeovers, self._series_notes)
        if not commit(offsets):
            self._metrics.commit_failures.inc()
            return False
        failpoints.reach("offsets_committed")
        self._accept(pending)
        self._pending = None
        self._on_final(self._requests)
        return True

    def _prepare(self) -> bool:
        snapshot = replace(
            self._accepted,
            sequence=self._accepted.sequence + 1,
            model_version=self._pipeline.judge.model_version,
            commits=self.offsets(),
            memory=self._pipeline.memory(),
        )
        if not self._snapshots.prepare(snapshot):
            return False
        self._pending = snapshot
        series = self._pipeline.series
        self._series_notes = {} if series is None else series.notes(snapshot.commits)
        self._requests = tuple(self._pipeline.history.requests)
        self._records = 0
        return True

    def _accept(self, snapshot: Snapshot) -> None:
        self._snapshots.accept()
        self._accepted = snapshot
        # A partition may have been assigned since the snapshot was written: it still begins there.
        self.beginnings.starts = {
            p: start
            for p, start in self.beginnings.starts.items()
            if snapshot.commits.get(p, -1) < start
        }
        self._metrics.snapshot_written.set_to_current_time()
