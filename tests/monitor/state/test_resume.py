"""Where to go on with a partition: each case, and who counted what lies before."""

from __future__ import annotations

import pytest

from monitor.state.resume import (
    FIRST,
    GO_ON,
    MADE_ANEW,
    REPEATED,
    REWOUND,
    SKIPPED,
    Plan,
    Policy,
    plan,
)
from monitor.state.snapshot import Note
from monitor.stream.offsets import Assigned, Committed

MINE, THEIRS = str(Note("me", 3)), str(Note("them", 9))
EARLIEST, LATEST = 10, 1000


def decide(offset: int | None, note: str, own: int | None, policy: Policy = Policy()) -> Plan:  # noqa: B008
    committed = None if offset is None else Committed(offset, note)
    return plan(Assigned(committed, EARLIEST, LATEST), own, "me", policy)


@pytest.mark.parametrize(
    ("offset", "note", "own", "expected"),
    [
        (None, "", None, Plan(10, FIRST, owner_changed=True)),
        (None, "", 500, Plan(500, GO_ON)),
        (500, MINE, None, Plan(500, FIRST)),
        (500, THEIRS, None, Plan(500, FIRST, owner_changed=True)),
        (500, MINE, 500, Plan(500, GO_ON)),
        (500, "", 500, Plan(500, GO_ON, owner_changed=True)),
        (500, MINE, 300, Plan(300, REPEATED)),
        (500, THEIRS, 300, Plan(500, GO_ON, owner_changed=True)),
        (500, "", 300, Plan(500, SKIPPED, owner_changed=True)),
        (500, "", 700, Plan(500, REWOUND, owner_changed=True)),
        (500, THEIRS, 700, Plan(500, REWOUND, owner_changed=True)),
        (1001, MINE, 1001, Plan(10, MADE_ANEW, owner_changed=True)),
        (1000, MINE, 1000, Plan(1000, GO_ON)),
        (4, MINE, 4, Plan(10, GO_ON, gap=(4, 10))),
    ],
)
def test_where_to_go_on(offset: int | None, note: str, own: int | None, expected: Plan) -> None:
    assert decide(offset, note, own) == expected


def test_a_group_without_offsets_begins_where_the_user_says() -> None:
    assert decide(None, "", None, Policy(start="latest")).offset == LATEST


def test_deleted_records_are_skipped_to_where_the_user_says() -> None:
    item = decide(4, MINE, 4, Policy(out_of_range="latest"))
    assert (item.offset, item.gap) == (LATEST, (4, LATEST))


def test_only_what_is_read_twice_begins_drift_detection_anew() -> None:
    assert decide(500, "", 700).anew
    assert decide(1001, MINE, 1001).anew
    assert not decide(500, "", 300).anew
    assert not decide(500, MINE, 300).anew
