"""Snapshots on their way to the folder: what fails is told, and tried again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import structlog

from monitor.metrics import Metrics
from monitor.process import failpoints
from monitor.state.folder import StateFolder
from monitor.state.snapshot import NOTES_BYTES, Note, Snapshot, Takeover
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

COMPLAINT_SECONDS: Final = 60.0
"""Between two lines on the same failure."""


class Snapshots:
    """Writes snapshots. folder: None to remember only while the process lives.

    failure: why the last step on the folder failed; empty if it did not.
    """

    def __init__(self, folder: StateFolder | None, metrics: Metrics) -> None:
        self._folder = folder
        self._metrics = metrics
        self._to_accept = False
        self.failure = ""
        self._told: tuple[str, str] | None = None
        self._told_at = 0.0

    def prepare(self, snapshot: Snapshot) -> bool:
        """Write a snapshot that is to be accepted; false if that failed: nothing has changed."""
        if self._to_accept and not self._accept():
            return False  # else a crash now would leave nothing that the group has accepted
        if not self._try("cannot write the snapshot; offsets are not committed", snapshot):
            return False
        failpoints.reach("snapshot_written")
        self._metrics.snapshot_bytes.set(len(snapshot.memory))
        return True

    def accept(self) -> None:
        """The prepared snapshot is the newest; if its file cannot be moved now, it is later."""
        self._to_accept = True
        self._accept()
        failpoints.reach("snapshot_accepted")

    def _accept(self) -> bool:
        self._to_accept = not self._try("cannot make the snapshot the newest; trying again", None)
        return not self._to_accept

    def _try(self, what: str, prepared: Snapshot | None) -> bool:
        """Write a prepared snapshot, or accept the one that is. what: said if that fails."""
        try:
            if self._folder is not None:
                self._folder.check()
                self._folder.accept() if prepared is None else self._folder.prepare(prepared)
        except OSError as error:
            self._metrics.snapshot_failures.inc()
            self.failure = f"{error.strerror or error}"
            self._tell(what, str(error))
            return False
        self.failure, self._told = "", None
        return True

    def _tell(self, what: str, error: str) -> None:
        """A line for what is new, and then now and then."""
        told, now = (what, error), time.monotonic()
        if told != self._told or now - self._told_at >= COMPLAINT_SECONDS:
            self._told, self._told_at = told, now
            log.error(what, error=error)


def fits(snapshot: Snapshot, mine: Snapshot) -> bool:
    """True if its totals may be taken; with the same model, its drift detection, too."""
    for what in ("model_version", "fingerprint"):
        if getattr(snapshot, what) != getattr(mine, what):
            log.warning(
                f"the snapshot is of another {what.replace('_', ' ')}: drift detection begins anew",
                snapshot=getattr(snapshot, what),
                mine=getattr(mine, what),
            )
    return snapshot.fingerprint == mine.fingerprint


def committed_with(
    snapshot: Snapshot,
    takeovers: Mapping[Partition, tuple[Takeover, ...]],
    series: Mapping[Partition, str] | None = None,
) -> dict[Partition, Committed]:
    """The offsets of a snapshot, with notes that name it; of the partitions that are ours.

    takeovers: the changes of owner of those. All notes together stay within `NOTES_BYTES`: the
    oldest changes are left out where there are many partitions. series: what the notes say of the
    partitions' series.
    """
    known = series or {}

    def note(p: Partition) -> Note:
        names = (snapshot.writer, snapshot.sequence)
        return Note(*names, takeovers[p], snapshot.identity, known.get(p, ""))

    ours = {p: offset for p, offset in snapshot.commits.items() if p in takeovers}
    most = NOTES_BYTES // max(1, len(ours))
    return {p: Committed(offset, note(p).within(most)) for p, offset in ours.items()}
