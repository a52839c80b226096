"""Where to go on with a partition: each case, and who counted what lies before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.state.resume import (
    COPIED,
    FIRST,
    GO_ON,
    MADE_ANEW,
    REPEATED,
    REWOUND,
    SKIPPED,
    Known,
    Plan,
    Policy,
    plan,
)
from monitor.state.snapshot import Note
from monitor.stream.offsets import Assigned, Committed, identity_of, is_other

MINE, THEIRS = str(Note("me", 3)), str(Note("them", 9))
EARLIEST, LATEST = 10, 1000


def decide(offset: int | None, note: str, own: int | None, policy: Policy = Policy()) -> Plan:  # noqa: B008
    committed = None if offset is None else Committed(offset, note)
    return plan(Assigned(committed, EARLIEST, LATEST), Known(own, "me", sequence=3), policy)


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


def test_what_a_copy_of_our_folder_has_counted_is_not_counted_again() -> None:
    assigned = Assigned(Committed(500, str(Note("me", 9))), EARLIEST, LATEST)
    known = Known(300, "me", sequence=3)
    for own in (300, 500, None):  # None: it was assigned after the copy was made
        known = replace(known, next_offset=own)
        assert plan(assigned, known, Policy()) == Plan(500, COPIED, owner_changed=True)
    known = replace(known, next_offset=300)
    # Unless our own newest snapshot was damaged: then it was we.
    assert plan(assigned, replace(known, older=True), Policy()) == Plan(300, REPEATED)


OLD, NEW = identity_of("cluster", "topic-1"), identity_of("cluster", "topic-2")


@pytest.mark.parametrize(
    ("committed", "own", "known", "expected"),
    [
        (None, 500, OLD, Plan(10, MADE_ANEW, owner_changed=True)),
        (Committed(500, str(Note("me", 3, identity=OLD))), 500, OLD,
         Plan(10, MADE_ANEW, owner_changed=True)),
        (Committed(600, str(Note("them", 3, identity=NEW))), 500, OLD,
         Plan(600, MADE_ANEW, owner_changed=True)),
        (Committed(500, str(Note("them", 3, identity=OLD))), None, NEW,
         Plan(10, FIRST, owner_changed=True)),
        (Committed(500, str(Note("me", 3, identity=NEW))), 500, NEW, Plan(500, GO_ON)),
        (Committed(500, str(Note("me", 3))), 500, "", Plan(500, GO_ON)),
    ],
)  # fmt: skip
def test_a_topic_of_another_id_is_read_from_its_beginning_however_much_it_holds(
    committed: Committed | None, own: int | None, known: str, expected: Plan
) -> None:
    assigned = Assigned(committed, EARLIEST, LATEST, NEW)
    assert plan(assigned, Known(own, "me", known, sequence=3), Policy()) == expected


def test_the_same_name_on_another_cluster_is_another_topic() -> None:
    moved = Assigned(Committed(500, MINE), EARLIEST, LATEST, identity_of("another", None))
    known = Known(500, "me", identity_of("cluster", None))
    assert plan(moved, known, Policy()).case == MADE_ANEW


def test_what_old_brokers_do_not_tell_is_no_difference() -> None:
    assert not is_other(identity_of("cluster", None), OLD)
    assert not is_other("", OLD)
    assert is_other(OLD, NEW)


@pytest.mark.parametrize(
    ("group_is_new", "fresh", "offset"),
    [(True, True, LATEST), (False, True, EARLIEST), (True, False, EARLIEST)],
)
def test_only_a_group_without_offsets_begins_at_the_latest_record(
    group_is_new: bool, fresh: bool, offset: int
) -> None:
    """A partition that was added later is read from its first record."""
    assigned = Assigned(None, EARLIEST, LATEST, "", group_is_new)
    assert plan(assigned, Known(None, "me", fresh=fresh), Policy(start="latest")).offset == offset


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
