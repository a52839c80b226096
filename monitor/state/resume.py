"""Where to go on with a partition that the group has given to us: the decision, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from monitor.state.snapshot import Note
from monitor.stream.offsets import Assigned

Start = Literal["earliest", "latest"]
OutOfRange = Literal["earliest", "latest", "stop"]

GO_ON: Final = "go_on"
FIRST: Final = "first"
REPEATED: Final = "repeated"
SKIPPED: Final = "skipped"
REWOUND: Final = "rewound"
MADE_ANEW: Final = "made_anew"
CASES: Final = (GO_ON, FIRST, REPEATED, SKIPPED, REWOUND, MADE_ANEW)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants.

    start: where a group without committed offsets begins. out_of_range: where to go on when the
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
    rewound: somebody moved them back; made_anew: the topic holds less than was read. With the
    last two, drift detection begins anew: its window would hold the same records twice.
    owner_changed: somebody else counted the records before `offset`.
    """

    offset: int
    case: str
    gap: tuple[int, int] | None = None
    owner_changed: bool = False

    @property
    def anew(self) -> bool:
        """True if drift detection must begin anew."""
        return self.case in (REWOUND, MADE_ANEW)


def plan(assigned: Assigned, own: int | None, writer: str, policy: Policy) -> Plan:
    """Where to go on. own: the first offset that our state has not counted; None if it knows
    nothing of the partition. writer: the id of our state.
    """
    offset, case, foreign = _wanted(assigned, own, writer, policy)
    if offset > assigned.latest:
        return Plan(assigned.earliest, MADE_ANEW, owner_changed=True)
    if offset < assigned.earliest:
        end = assigned.latest if policy.out_of_range == "latest" else assigned.earliest
        return Plan(end, case, gap=(offset, end), owner_changed=foreign)
    return Plan(offset, case, owner_changed=foreign)


def rewound_to(assigned: Assigned) -> Plan:
    """Go back to the beginning, as the user asks."""
    return Plan(assigned.earliest, REWOUND, owner_changed=True)


def _wanted(
    assigned: Assigned, own: int | None, writer: str, policy: Policy
) -> tuple[int, str, bool]:
    """The offset, the case, and whether somebody else has counted up to there."""
    committed = assigned.committed
    if committed is None:
        if own is not None:
            return own, GO_ON, False
        return (assigned.earliest if policy.start == "earliest" else assigned.latest), FIRST, True
    note = Note.parse(committed.note)
    foreign = note is None or note.writer != writer
    if own is None:
        return committed.offset, FIRST, foreign
    if committed.offset == own:
        return own, GO_ON, foreign
    if not foreign:
        return own, REPEATED, False
    if committed.offset < own:
        return committed.offset, REWOUND, True
    return committed.offset, SKIPPED if note is None else GO_ON, True
