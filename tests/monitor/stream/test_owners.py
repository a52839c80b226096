"""Who in a group has which partitions, from what the group tells of itself."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import GroupAuthorizationFailedError, KafkaConnectionError
from structlog.testing import capture_logs

from monitor.stream.records import Partition
from monitor.stream.sources.owners import LOOK_SECONDS, TURN_SECONDS, Owners, unowned

ALL = frozenset(Partition("in", number) for number in range(3))


def member(name: str, *numbers: int, topic: str = "in") -> dict[str, Any]:
    given = {"topic": topic, "partitions": list(numbers)}
    return {"member_id": name, "member_assignment": {"assigned_partitions": [given]}}


def group(*members: dict[str, Any], state: str = "Stable") -> dict[str, Any]:
    return {"group_state": state, "members": list(members), "error": None}


class Admin:
    """Answers what it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def describe_groups(self, groups: list[str]) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {groups[0]: answer}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (group(member("a", 0, 1), member("b", 2)), set()),
        (group(member("a", 1), member("b", 2)), {0}),
        (group(member("a", 0, 1, 2, topic="other")), {0, 1, 2}),
        (group(member("a", 0), {"member_id": "b", "member_assignment": b""}), {1, 2}),
        (group(member("a", 0), state="PreparingRebalance"), set()),
        (group(member("a", 0), {"member_id": "b", "member_assignment": b"\1"}), set()),
        (group(), set()),
        (group(state="Empty"), set()),
        (group(state="Dead"), set()),
    ],
)
def test_what_no_member_has(told: dict[str, Any], left: set[int]) -> None:
    assert {partition.number for partition in unowned(told, ALL)} == left


def test_the_idlest_joins_anew_first_and_each_waits_its_turn() -> None:
    clock = Clock()
    subject = Owners("g", clock)
    admin = Admin(group(member("busy", 0, 1), member("idle"), member("z", topic="x")))
    found = subject.look(admin, ALL)
    assert found.members == ("idle", "z", "busy")
    assert not found.lasts(clock.now)
    turns = {name: clock.now + n * TURN_SECONDS for n, name in enumerate(found.members, 1)}
    for name, at in {**turns, "stranger": clock.now + 4 * TURN_SECONDS}.items():
        assert not found.is_turn_of(name, at - 1)
        assert found.is_turn_of(name, at)
    assert found.lasts(clock.now + TURN_SECONDS)


def test_it_lasts_while_one_of_them_is_still_left() -> None:
    clock = Clock()
    subject = Owners("g", clock)
    admin = Admin(group(member("a", 0)), group(member("a", 0, 1)), group(member("a", 1, 2)))
    began = clock.now
    for left, since in (({1, 2}, began), ({2}, began), ({0}, began + 2 * LOOK_SECONDS)):
        found = subject.look(admin, ALL)
        assert {partition.number for partition in found.partitions} == left
        assert found.since == since
        clock.now += LOOK_SECONDS


def test_it_is_asked_now_and_then_only() -> None:
    clock, admin = Clock(), Admin(group(member("a", 0)))
    subject = Owners("g", clock)
    for _ in range(5):
        subject.look(admin, ALL)
        clock.now += LOOK_SECONDS / 2
    assert admin.asked == 3


def test_a_group_that_does_not_answer_is_asked_again() -> None:
    clock, admin = Clock(), Admin(KafkaConnectionError("gone"), group(member("a", 0)))
    subject = Owners("g", clock)
    assert not subject.look(admin, ALL).partitions
    clock.now += LOOK_SECONDS
    assert subject.look(admin, ALL).partitions


@pytest.mark.parametrize(
    "refusal",
    [
        GroupAuthorizationFailedError("no"),
        {"members": [], "group_state": "", "error": str(GroupAuthorizationFailedError())},
    ],
)
def test_a_group_that_may_not_be_asked_is_told_once(refusal: Any) -> None:
    clock, admin = Clock(), Admin(refusal)
    subject = Owners("g", clock)
    with capture_logs() as logs:
        for _ in range(3):
            assert not subject.look(admin, ALL).partitions
            clock.now += LOOK_SECONDS
    assert admin.asked == 1
    assert [line["log_level"] for line in logs] == ["warning"]
    assert "Allow DESCRIBE on the group" in logs[0]["event"]
