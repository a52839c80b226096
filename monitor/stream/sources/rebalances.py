"""Which partitions a consumer group has given to this member, and taken away."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, wait

import structlog
from kafka import AsyncConsumerRebalanceListener, TopicPartition

from monitor.process import background
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.02
Sleep = Callable[[float], Awaitable[None]]
HandOver = Callable[[frozenset[Partition]], None]


class Rebalances(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka is untyped
    """Notes what the group takes away; the callbacks come on the library's thread.

    They come only while the caller's thread waits in the consumer's `poll` or `close`. So before
    partitions go to another member, `hand_over` is called with them, on a thread of its own,
    and nothing else goes on meanwhile: it may commit what is done of them, which are still ours.
    What is assigned is for the consumer itself to say: it may deliver a new partition's records
    before the callback has run. But it goes on to list what was taken away until the rebalance is
    over; that is in `leaving`. One listener serves one consumer.

    sleep: lets the library's loop go on for some seconds.
    """

    def __init__(self, sleep: Sleep, hand_over: HandOver, longest_seconds: float) -> None:
        self._sleep = sleep
        self._hand_over = hand_over
        self._longest_seconds = longest_seconds
        self._lock = threading.Lock()
        self._lost: set[Partition] = set()
        self._leaving: frozenset[Partition] = frozenset()
        self._handing: Future[None] | None = None
        self.busy = False

    def wait(self) -> None:
        """Return when no handing over goes on: one that took too long must not go on beside us."""
        if self._handing is not None:
            wait([self._handing])

    @property
    def untold(self) -> bool:
        """True if something was lost that `take_lost` has not told."""
        return bool(self._lost)

    @property
    def leaving(self) -> frozenset[Partition]:
        """The partitions that were taken away and not given again."""
        return self._leaving

    def take_lost(self) -> frozenset[Partition]:
        """Return the partitions lost since the last call."""
        with self._lock:
            lost, self._lost = frozenset(self._lost), set()
            return lost

    def lose(self, lost: Iterable[TopicPartition]) -> None:
        """Note that partitions are not ours any more."""
        self._lose(partitions_of(lost))

    def give(self, given: Iterable[TopicPartition]) -> None:
        """Note that partitions are ours, whatever was taken away before."""
        with self._lock:
            self._leaving -= partitions_of(given)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called with the partitions that are new."""
        self.give(assigned)
        partitions = partitions_of(assigned)
        if partitions:
            log.info("partitions assigned", partitions=[str(p) for p in sorted(partitions)])

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called before partitions go to another member. busy: nothing can be committed now."""
        partitions = partitions_of(revoked)
        if partitions and not self.busy:
            await self._finish(partitions)
        self._lose(partitions)

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Called when the group has counted us out."""
        self.lose(lost)

    async def _finish(self, partitions: frozenset[Partition]) -> None:
        deadline = time.monotonic() + self._longest_seconds
        done = background.start(lambda: self._hand_over(partitions), "kafka-hand-over")
        self._handing = done
        while not done.done() and time.monotonic() < deadline:
            await self._sleep(LOOK_SECONDS)
        if not done.done():
            log.warning("handing over took too long", seconds=self._longest_seconds)
        elif done.exception() is not None:
            log.error("handing over failed", error=repr(done.exception()))

    def _lose(self, partitions: frozenset[Partition]) -> None:
        with self._lock:
            self._lost |= partitions
            self._leaving |= partitions
        if partitions:
            log.info("partitions taken away", partitions=[str(p) for p in sorted(partitions)])


def partitions_of(keys: Iterable[TopicPartition]) -> frozenset[Partition]:
    """Kafka's names of partitions as ours."""
    return frozenset(Partition(key.topic, key.partition) for key in keys)
