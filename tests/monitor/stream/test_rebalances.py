"""What was taken away is not ours before it is given again, whatever the consumer lists."""

from __future__ import annotations

import asyncio

from kafka import TopicPartition

from monitor.stream.kafka_private import cooperative_assignor
from monitor.stream.records import Partition
from monitor.stream.sources.rebalances import Rebalances

KEYS = [TopicPartition("in", 0), TopicPartition("in", 1)]
FIRST, SECOND = Partition("in", 0), Partition("in", 1)


def rebalances() -> Rebalances:
    return Rebalances(asyncio.sleep, lambda partitions: None, 5.0)


def test_what_was_revoked_is_leaving_until_it_is_given_again() -> None:
    ours = rebalances()
    asyncio.run(ours.on_partitions_revoked(KEYS))
    assert ours.leaving == {FIRST, SECOND}
    assert ours.take_lost() == {FIRST, SECOND}
    assert ours.leaving == {FIRST, SECOND}  # the rebalance goes on
    asyncio.run(ours.on_partitions_assigned(KEYS[1:]))
    assert ours.leaving == {FIRST}


def test_what_was_lost_is_leaving_until_the_group_gives_it_though_no_callback_tells() -> None:
    ours = rebalances()
    ours.lose(KEYS)
    assignor = cooperative_assignor(list, ours.give)()
    assigned = type("Assignment", (), {"partitions": lambda self: KEYS[:1]})()
    assignor.on_assignment(assigned, 3)
    assert ours.leaving == {SECOND}
