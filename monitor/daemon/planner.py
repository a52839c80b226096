"""Decides where to go on with partitions, from what our state knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import structlog

from monitor.state.ledger import Ledger
from monitor.state.resume import Known, Plan, Policy, plan, rewound_to
from monitor.state.snapshot import Note, Snapshot
from monitor.stream.offsets import Assigned, is_other
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)


class Planner:
    """Remembers, beside the snapshots, what tells our own commits from those of a copy.

    older: a newer snapshot than the one that was loaded is damaged.
    """

    def __init__(self) -> None:
        self.older = False
        self._loaded = 0
        self._written: dict[Partition, int] = {}
        self._rewinding: set[Partition] | None = None

    def rewind(self) -> None:
        """Go back to the beginning of every partition, the first time it is assigned."""
        self._rewinding = set()

    def loaded(self, sequence: int, older: bool) -> None:
        """The folder's newest snapshot has this sequence."""
        self._loaded, self.older = sequence, older

    def wrote(self, partitions: Iterable[Partition], sequence: int) -> None:
        """Offsets of these are about to be committed with this snapshot."""
        self._written.update(dict.fromkeys(partitions, sequence))

    def is_copy(
        self, assigned: Mapping[Partition, Assigned], ours: Snapshot, here: bool = False
    ) -> bool:
        """Whether somebody has committed other partitions with our id, later than we did.

        here: these partitions, too, as nothing that we know of them is of this topic.
        """
        if self.older:
            return False
        newest = max((self._loaded, *self._written.values()))
        return any(
            note is not None
            and note.writer == ours.writer
            and note.sequence > newest
            and not is_other(note.identity, item.identity)
            for item in assigned.values()
            for note in _notes(item, here)
        )

    def plan(
        self,
        partition: Partition,
        assigned: Assigned,
        ours: Snapshot,
        ledger: Ledger,
        policy: Policy,
    ) -> Plan:
        """Where to go on with a partition that is ours from now on."""
        if self._rewinding is not None and partition not in self._rewinding:
            self._rewinding.add(partition)
            return rewound_to(assigned)
        known = Known(
            ledger.next_offset(partition),
            ours.writer,
            identity=ours.identity,
            fresh=not ledger.totals,
            sequence=self._written.get(partition, self._loaded),
            older=self.older,
        )
        return plan(assigned, known, policy)


def _notes(item: Assigned, here: bool) -> Iterator[Note | None]:
    for committed in item.elsewhere.values():
        yield Note.parse(committed.note)
    if here and item.committed is not None:
        yield Note.parse(item.committed.note)


def say_copied(writer: str) -> None:
    """Name the setting that two processes share. writer: the id that was ours."""
    log.error(
        "the state's folder is a copy: another process counts as the same state, and has gone"
        " further. Begun anew under another id; give each daemon a state.directory of its own",
        was=writer,
    )
