"""Partitions of which neither group nor state knows anything may have a place in another group."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from monitor.state.resume import Policy
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.former_group import FormerPlaces
from monitor.stream.sources.memory import MemorySource
from tests.kafka.process import wait_until
from tests.monitor.builders import records
from tests.monitor.daemon.daemons import assemble, committed, turns

P0, P1 = Partition("in", 0), Partition("in", 1)


class Former:
    """The other group. answers: one after the other; the last one stays."""

    def __init__(self, *answers: Mapping[Partition, Committed] | None) -> None:
        self.answers = list(answers)
        self.asked: list[list[Partition]] = []

    def __call__(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        self.asked.append(list(partitions))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_it_goes_on_where_the_other_group_stands_once_that_is_known() -> None:
    former = Former(None, None, {P0: Committed(3)})
    source = MemorySource(records([1.0] * 5))
    daemon = assemble(source, MemorySink(), former_offsets=former, policy=Policy("latest"))
    turns(daemon, 1)
    assert daemon.parts.pipeline.ledger.totals == {}
    turns(daemon, 3)
    assert daemon.parts.pipeline.ledger.totals[P0].scored == 2
    assert committed(source) == {P0: 5}
    assert former.asked == [[P0]] * 3
    daemon.parts.web.stop()


def test_a_group_that_knows_nothing_changes_nothing() -> None:
    former = Former({})
    daemon = assemble(MemorySource(records([1.0] * 5)), MemorySink(), former_offsets=former)
    turns(daemon, 2)
    assert daemon.parts.pipeline.ledger.totals[P0].scored == 5
    assert former.asked == [[P0]]
    daemon.parts.web.stop()


def test_what_our_state_knows_is_not_asked_for(tmp_path: Path) -> None:
    first = assemble(MemorySource(records([1.0] * 5)), MemorySink(), tmp_path)
    turns(first, 2)
    first._close()
    former = Former({P0: Committed(1)})
    source = MemorySource(records([1.0] * 7))
    again = assemble(source, MemorySink(), tmp_path, former_offsets=former)
    turns(again, 2)
    assert again.parts.pipeline.ledger.totals[P0].scored == 7
    assert former.asked == []
    again._close()


def test_a_look_that_hangs_holds_nothing_up_and_others_are_asked_for_anew() -> None:
    go_on = threading.Event()
    asked: list[list[Partition]] = []

    def look(partitions: Iterable[Partition]) -> Mapping[Partition, Committed]:
        asked.append(list(partitions))
        go_on.wait(60)
        return {p: Committed(p.number) for p in partitions}

    places = FormerPlaces(look)
    assert places.of([P0]) is None
    assert places.of([P0, P1]) is None
    go_on.set()
    wait_until(lambda: places.of([P0, P1]) is not None, 60, lambda: f"{asked}")
    assert asked[:2] == [[P0], [P0, P1]]
    assert places.of([]) == {}
