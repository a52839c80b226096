"""Where to go on with a partition that the group has given to us: the decision, without I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from monitor.state.snapshot import Note
from monitor.stream.offsets import Assigned, Committed, is_other

Start = Literal["earliest", "latest"]
OutOfRange = Literal["earliest", "latest", "stop"]

GO_ON: Final = "go_on"
FIRST: Final = "first"
REPEATED: Final = "repeated"
SKIPPED: Final = "skipped"
REWOUND: Final = "rewound"
MADE_ANEW: Final = "made_anew"
COPIED: Final = "copied"
CASES: Final = (GO_ON, FIRST, REPEATED, SKIPPED, REWOUND, MADE_ANEW, COPIED)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants.

    start: where a group begins that has committed nothing of the topic; a partition that is added
    later begins at its first record. out_of_range: where to go on when the
    records that were to come next have been deleted; stop: not at all.
    """

    start: Start = "earliest"
    out_of_range: OutOfRange = "earliest"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to go on, and why.

    offset: the next to read. gap: the offsets before it that are gone, [first, offset), or None.
    case: go_on; first: never read before; repeated: our state is older than the group's offsets,
    and the records between are counted again; skipped: somebody moved the offsets forward;
    rewound: somebody moved them back; made_anew: the topic is another one than was read, by its id
    or since it holds less; copied: another state with our id has counted the records between, since
    the folder is a copy. With the last three, drift detection begins anew: its window would hold
    the same records twice.
    owner_changed: somebody else counted the records before `offset`.
    """

    offset: int
    case: str
    gap: tuple[int, int] | None = None
    owner_changed: bool = False

    @property
    def anew(self) -> bool:
        """True if drift detection must begin anew."""
        return self.case in (REWOUND, MADE_ANEW, COPIED)


@dataclass(frozen=True, slots=True)
class Known:
    """What our state knows of a partition.

    next_offset: the first offset that it has not counted; None if it knows nothing of it. writer:
    the state's id. identity: of the topic that it counted. fresh: it knows no partition at all.
    sequence: of the newest snapshot with which we may have committed the partition. older: a newer
    snapshot of ours was damaged.
    """

    next_offset: int | None
    writer: str
    identity: str = ""
    fresh: bool = True
    sequence: int = 0
    older: bool = False


def plan(assigned: Assigned, known: Known, policy: Policy) -> Plan:
    """Where to go on."""
    note = _note(assigned.committed)
    if note is not None and is_other(note.identity, assigned.identity):
        assigned = replace(assigned, committed=None)  # of a topic that is gone
    if is_other(known.identity, assigned.identity):
        return _of_another_topic(assigned)
    offset, case, foreign = _wanted(assigned, known, policy)
    if offset > assigned.latest:
        return Plan(assigned.earliest, MADE_ANEW, owner_changed=True)
    if offset < assigned.earliest:
        end = assigned.latest if policy.out_of_range == "latest" else assigned.earliest
        return Plan(end, case, gap=(offset, end), owner_changed=foreign)
    return Plan(offset, case, owner_changed=foreign)


def _of_another_topic(assigned: Assigned) -> Plan:
    """What we read is gone with its topic. Kafka forgets a deleted topic's offsets: those that are
    stored were stored for this one.
    """
    committed = assigned.committed
    if committed is None or not assigned.earliest <= committed.offset <= assigned.latest:
        return Plan(assigned.earliest, MADE_ANEW, owner_changed=True)
    return Plan(committed.offset, MADE_ANEW, owner_changed=True)


def _note(committed: Committed | None) -> Note | None:
    return None if committed is None else Note.parse(committed.note)


def rewound_to(assigned: Assigned) -> Plan:
    """Go back to the beginning, as the user asks."""
    return Plan(assigned.earliest, REWOUND, owner_changed=True)


def _wanted(assigned: Assigned, known: Known, policy: Policy) -> tuple[int, str, bool]:
    """The offset, the case, and whether somebody else has counted up to there."""
    committed, own = assigned.committed, known.next_offset
    if committed is None:
        if own is not None:
            return own, GO_ON, False
        begins = policy.start == "latest" and assigned.group_is_new and known.fresh
        return (assigned.latest if begins else assigned.earliest), FIRST, True
    note = _note(committed)
    foreign = note is None or note.writer != known.writer
    sequence = 0 if note is None else note.sequence
    # Whoever has written later with our id has a copy of our folder, or we have.
    copied = not foreign and known.sequence < sequence and not known.older
    if copied and (own is None or own <= committed.offset):
        return committed.offset, COPIED, True
    if own is None:
        return committed.offset, FIRST, foreign
    if committed.offset == own:
        return own, GO_ON, foreign
    if not foreign:
        return own, REPEATED, False
    if committed.offset < own:
        return committed.offset, REWOUND, True
    return committed.offset, SKIPPED if note is None else GO_ON, True
