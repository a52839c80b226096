"""Each partition is looked up by itself: one that cannot be keeps no other waiting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Committed, identity_of
from monitor.stream.records import Partition
from monitor.stream.sources.lookups import BEHIND_SECONDS, TOLD_AFTER_SECONDS, Lookups
from monitor.stream.sources.survey import NO_LEADER, Survey, View

P0, P1, P2 = (Partition("in", number) for number in range(3))
ID = identity_of("cluster", "one")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Seen(Survey):
    """What the test says that the brokers say."""

    def __init__(self, view: View | None) -> None:
        super().__init__(Connection("127.0.0.1:1"), "in")
        self.view = view

    def after(self, moment: float, timeout_seconds: float) -> View | None:
        return self.view if self.view is not None and self.view.taken_at >= moment else None


class Group:
    """What the group has stored; None if its coordinator does not answer."""

    def __init__(self, stored: Mapping[Partition, Committed] | None) -> None:
        self.stored = stored

    def __call__(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        if self.stored is None:
            return None
        return {p: self.stored[p] for p in partitions if p in self.stored}


def subject(view: View | None, group: Group) -> tuple[Lookups, Clock]:
    clock = Clock()
    return Lookups(Seen(view), group, clock), clock


def test_a_partition_without_a_leader_waits_and_the_others_are_found() -> None:
    view = View(100.0, ID, {P0: (0, 7), P2: (3, 9)}, {P1: NO_LEADER})
    lookups, clock = subject(view, Group({P0: Committed(5)}))
    found = lookups.found([P0, P1, P2])
    assert (found[P0].committed, found[P0].latest) == (Committed(5), 7)
    assert (found[P2].committed, found[P2].earliest) == (None, 3)
    assert P1 not in found
    clock.now += TOLD_AFTER_SECONDS
    lookups.found([P1])
    assert lookups.stuck([P0, P2]) == {P1: NO_LEADER}


def test_a_view_from_before_it_was_ours_says_nothing_of_it() -> None:
    """The topic may have been made anew since."""
    lookups, _ = subject(View(99.0, ID, {P0: (0, 7)}), Group({}))
    assert lookups.found([P0]) == {}


def test_the_first_that_are_ours_come_with_what_is_stored_of_all_others_once() -> None:
    view = View(100.0, ID, {P0: (0, 7), P1: (0, 7), P2: (0, 7)}, {})
    group = Group({P0: Committed(5), P1: Committed(6, "theirs")})
    lookups, _ = subject(view, group)
    assert lookups.found([P0])[P0].elsewhere == {P1: Committed(6, "theirs")}
    assert lookups.found([P2])[P2].elsewhere == {}


def test_while_nobody_answers_all_wait_and_say_so() -> None:
    lookups, clock = subject(None, Group({}))
    assert lookups.found([P0]) == {}
    clock.now += TOLD_AFTER_SECONDS
    assert lookups.found([P0]) == {}
    assert lookups.stuck([]) == {P0: "the brokers do not answer"}


def test_a_coordinator_that_does_not_answer_is_told() -> None:
    group = Group(None)
    lookups, _ = subject(View(100.0, ID, {P0: (0, 7)}), group)
    assert lookups.found([P0]) == {}
    assert lookups.unanswered
    group.stored = {}
    assert P0 in lookups.found([P0])
    assert not lookups.unanswered


def test_a_group_that_has_stored_something_of_another_partition_is_not_new() -> None:
    view = View(100.0, ID, {P0: (0, 7), P1: (0, 7)})
    new, _ = subject(view, Group({}))
    assert new.found([P1])[P1].group_is_new
    old, _ = subject(view, Group({P0: Committed(5)}))
    assert not old.found([P1])[P1].group_is_new


def test_a_partition_that_loses_its_leader_later_is_told() -> None:
    lookups, _ = subject(View(100.0, ID, {P0: (0, 7)}, {P1: NO_LEADER}), Group({}))
    assert lookups.stuck([P0, P1]) == {P1: NO_LEADER}


def test_another_topic_of_the_same_name_is_told_once() -> None:
    lookups, _ = subject(View(100.0, ID, {P0: (0, 7)}), Group({}))
    lookups.found([P0])
    assert not lookups.is_another_topic()
    lookups._survey.view = View(105.0, identity_of("cluster", "two"), {P0: (0, 9)})
    assert lookups.is_another_topic()
    assert not lookups.is_another_topic()


def test_an_end_before_what_is_committed_is_asked_for_again() -> None:
    """A new leader may tell an older end for a moment."""
    lookups, clock = subject(View(100.0, ID, {P0: (0, 7), P1: (0, 7)}), Group({P0: Committed(9)}))
    assert list(lookups.found([P0, P1])) == [P1]
    clock.now += 1
    assert lookups.found([P0]) == {}  # what was said before is no answer
    lookups._survey.view = View(clock.now, ID, {P0: (0, 12)})
    assert lookups.found([P0])[P0].latest == 12


def test_an_end_that_stays_before_what_is_committed_is_believed() -> None:
    lookups, clock = subject(View(100.0, ID, {P0: (0, 7)}), Group({P0: Committed(9)}))
    assert lookups.found([P0]) == {}
    clock.now += BEHIND_SECONDS + 1
    lookups._survey.view = View(clock.now, ID, {P0: (0, 7)})
    assert lookups.stuck(()) != {}
    assert lookups.found([P0])[P0].latest == 7
