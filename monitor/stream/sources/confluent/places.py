"""Which partitions the group has given us, and from where each of them is fetched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from confluent_kafka import TopicPartition

from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

HandOver = Callable[[frozenset[Partition]], None]
Settle = Callable[[float], None]


def key_of(partition: Partition, offset: int = 0) -> TopicPartition:
    """Our name of a partition, with an offset, as librdkafka's."""
    return TopicPartition(partition.topic, partition.number, offset)


def partitions_of(keys: Iterable[TopicPartition]) -> frozenset[Partition]:
    """librdkafka's names of partitions as ours."""
    return frozenset(Partition(key.topic, key.partition) for key in keys)


class Places:
    """The partitions of one consumer. `owned`: given to us by the group.

    The callbacks come on our own thread, while it waits in `consume` or `close`. A partition is
    given to librdkafka only by `begin`, with an offset of ours: so nothing is fetched before,
    from no other place, and neither `seek` nor `pause` of the library is needed.

    hand_over: called before partitions go to another member; they are still ours meanwhile.
    It is called on our own thread, and while it is, `handing` is true: confluent-kafka (2.16.1)
    lets no other thread use the consumer. It should take less than `longest_seconds`.

    settle: called with so many seconds before partitions are let go: a commit under way has to end
    first. librdkafka (2.16.1) keeps one that finds no coordinator, and sends it when it has one,
    as if it was of the generation that we are in by then.
    """

    def __init__(
        self, eager: bool, hand_over: HandOver, settle: Settle, longest_seconds: float
    ) -> None:
        self._eager = eager
        self._hand_over = hand_over
        self._settle = settle
        self._longest_seconds = longest_seconds
        self._offsets: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self.owned: set[Partition] = set()
        self.busy = False
        self.handing = False

    def subscribe(self, consumer: Any, topic: str) -> None:
        """Join the group."""
        consumer.subscribe(
            [topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose_all
        )

    @property
    def untold(self) -> bool:
        """True if something was lost that `take_lost` has not told."""
        return bool(self._lost)

    def take_lost(self) -> frozenset[Partition]:
        """The partitions lost since the last call."""
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def begin(self, consumer: Any, offsets: Mapping[Partition, int]) -> None:
        """Fetch these partitions from these offsets on, whatever was fetched of them before."""
        if self._eager:
            self._offsets.update(offsets)
            self._assign_all(consumer)
            return
        self.stop(consumer, offsets)
        consumer.incremental_assign([key_of(p, offset) for p, offset in offsets.items()])
        self._offsets.update(offsets)

    def stop(self, consumer: Any, partitions: Iterable[Partition]) -> None:
        """Fetch nothing of these any more; what waits for us of them is dropped."""
        stopped = [p for p in partitions if p in self._offsets]
        for partition in stopped:
            del self._offsets[partition]
        if not stopped:
            return
        if self._eager:
            self._assign_all(consumer)
        else:
            consumer.incremental_unassign([key_of(p) for p in stopped])

    def fetched(self, ends: Mapping[Partition, int]) -> None:
        """Note how far partitions have been read."""
        self._offsets.update({p: end for p, end in ends.items() if p in self._offsets})

    def _assign_all(self, consumer: Any) -> None:
        consumer.assign([key_of(p, offset) for p, offset in self._offsets.items()])

    def _assign(self, consumer: Any, keys: list[TopicPartition]) -> None:
        """Called with the partitions that are new: none of them is fetched yet."""
        partitions = partitions_of(keys)
        self.owned |= partitions
        # Without a call, the library would begin where it likes.
        consumer.assign([]) if self._eager else consumer.incremental_assign([])
        if partitions:
            log.info("partitions assigned", partitions=[str(p) for p in sorted(partitions)])

    def _revoke(self, consumer: Any, keys: list[TopicPartition]) -> None:
        """Called before partitions go to another member. busy: nothing can be committed now."""
        partitions = partitions_of(keys)
        if partitions and not self.busy:
            self._finish(partitions)
        self._lose(consumer, partitions)

    def _lose_all(self, consumer: Any, keys: list[TopicPartition]) -> None:
        """Called when the group has counted us out."""
        self._lose(consumer, partitions_of(keys))

    def _finish(self, partitions: frozenset[Partition]) -> None:
        self.handing = True
        started = time.monotonic()
        try:
            self._hand_over(partitions)
        except Exception as error:  # noqa: BLE001  (told, and the partitions go all the same)
            log.error("handing over failed", error=repr(error))
        self.handing = False
        if time.monotonic() - started > self._longest_seconds:
            log.warning("handing over took too long", seconds=self._longest_seconds)

    def _lose(self, consumer: Any, partitions: frozenset[Partition]) -> None:
        self._settle(self._longest_seconds)
        if self._eager:
            self._offsets.clear()
            consumer.unassign()
        else:
            fetched = [key_of(p) for p in partitions if p in self._offsets]
            consumer.incremental_unassign(fetched)
            for partition in partitions:
                self._offsets.pop(partition, None)
        self.owned -= partitions
        self._lost |= partitions
        if partitions:
            log.info("partitions taken away", partitions=[str(p) for p in sorted(partitions)])
