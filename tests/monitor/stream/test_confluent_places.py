"""No partition is let go while a commit of it is under way, through the second client."""

from __future__ import annotations

import threading
from typing import Any

from monitor.process.deadline import Deadline
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources.confluent import group_offsets
from monitor.stream.sources.confluent.group_offsets import Commits
from monitor.stream.sources.confluent.places import Places, key_of

ZERO = Partition("in", 0)


class Slow:
    """A consumer whose commit takes until it is let go. order: what was called, and ended."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.order: list[str] = []

    def commit(self, **options: Any) -> list[Any]:
        assert self.go_on.wait(30)
        self.order.append("committed")
        return []

    def incremental_assign(self, keys: list[Any]) -> None:
        pass

    def incremental_unassign(self, keys: list[Any]) -> None:
        self.order.append("let go")


def test_a_commit_under_way_ends_before_a_partition_is_let_go(monkeypatch: Any) -> None:
    monkeypatch.setattr(group_offsets, "COMMIT_SECONDS", 0.05)
    consumer, commits = Slow(), Commits(Deadline())
    places = Places(False, lambda partitions: None, commits.settle, 30.0)
    places._assign(consumer, [key_of(ZERO)])
    assert not commits.commit(consumer, {ZERO: Committed(5, "")}, in_callback=False)
    assert commits.hanging
    threading.Timer(0.3, consumer.go_on.set).start()
    places._lose_all(consumer, [key_of(ZERO)])
    assert consumer.order == ["committed", "let go"]


def test_one_that_hangs_for_ever_stops_no_rebalance(monkeypatch: Any) -> None:
    monkeypatch.setattr(group_offsets, "COMMIT_SECONDS", 0.05)
    consumer, commits = Slow(), Commits(Deadline())
    places = Places(False, lambda partitions: None, commits.settle, 0.1)
    places._assign(consumer, [key_of(ZERO)])
    assert not commits.commit(consumer, {ZERO: Committed(5, "")}, in_callback=False)
    places._lose_all(consumer, [key_of(ZERO)])
    assert consumer.order == ["let go"]
    consumer.go_on.set()
