"""A member of a consumer group, through librdkafka.

librdkafka fetches ahead on threads of its own; whatever it has to tell comes while our thread is
in `consume`, rebalances among it. Where to begin with a partition is for the caller to say: a
partition that was given to us is told with what is committed for it, and nothing is fetched of it
before `seek`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException

from monitor.stream.columns import Columns
from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Partition
from monitor.stream.sources import Polled, Position
from monitor.stream.sources.confluent.arrivals import Arrivals
from monitor.stream.sources.confluent.damage import Damage, look
from monitor.stream.sources.confluent.group_offsets import (
    Commits,
    committed,
    end_offset,
    membership,
)
from monitor.stream.sources.confluent.link import Link
from monitor.stream.sources.confluent.places import HandOver
from monitor.stream.sources.lasting import UNBALANCED
from monitor.stream.sources.member import GroupMember
from monitor.stream.sources.subscription import Subscription

log = structlog.get_logger(__name__)

CHUNK: Final = 512
"""Messages turned into columns at once: more leave the processor's cache (docs/decisions.md)."""
SLICE_SECONDS: Final = 0.1
"""`consume` waits on after a callback: so it is asked again, and news are told soon."""
LOOK_AFTER_SECONDS: Final = 1.0
"""Between looks at whether the consumer stands still."""
STALL_CHECK_SECONDS: Final = 1.0


class ConfluentSource(GroupMember):
    """A member of a consumer group; connects when first polled, and again after a failure."""

    def __init__(self, connection: Connection, subscription: Subscription) -> None:
        self._link = Link(connection, subscription)
        super().__init__(connection, subscription, self._link, self.committed)
        self._topic = subscription.topic
        self._damage = Damage(
            lambda partition, at: look(connection, subscription.read_committed, partition, at)
        )
        self._commits = Commits(connection.deadline)
        self._link.settle = self._commits.settle
        self._next_offsets: dict[Partition, int] = {}
        self._reached: dict[Partition, int] = {}
        self._untold_lost: frozenset[Partition] = frozenset()
        self._paused = False
        self._look_after_at = 0.0
        self._checked_at = 0.0

    def on_leaving(self, hand_over: HandOver) -> None:
        """Have this called before partitions go to another member."""
        self._link.hand_over = hand_over

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that the group has given to this member."""
        places = self._link.places
        return frozenset(places.owned) if places and self._link.consumer else frozenset()

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Wait for records; after a failure, wait out the backoff and try again."""
        self._survey.start()
        consumer = self._link.connect(timeout_seconds)
        if consumer is None:
            return Polled(lost=self._take_lost())
        self._pause(max_records == 0)
        try:
            records = self._records(consumer, timeout_seconds, max(1, max_records))
        except KafkaException as error:
            records = Columns.none()
            self._link.fail(error)
        self._look_after(consumer)
        lost = self._take_lost()
        assigned = self._newly_assigned(consumer) if self._link.consumer is consumer else {}
        return Polled(records.where(records.of_partitions(self._next_offsets)), lost, assigned)

    def _look_after(self, consumer: Any) -> None:
        """See whether the consumer may go on: it may have failed, or stand for ever."""
        if self._link.fencing:
            self._lose_all()
            self._link.fence()
        elif self._link.failed():
            self._lose_all()
        elif self._lookups.is_another_topic():
            self._stop(list(self._told))
            self._lose_all()
        elif self._link.consumer is consumer and time.monotonic() >= self._look_after_at:
            self._look_after_at = time.monotonic() + LOOK_AFTER_SECONDS
            positions = {} if self._paused else self.positions()
            state = self._state(self._commits.hanging, consumer.memberid() or "", positions)
            if self._link.lasting.too_long(state):
                self._link.replaced += 1
                self._commits.forget()
                self._link.reset(KafkaError(KafkaError._FAIL, state))
                self._lose_all()
                if state == UNBALANCED:
                    self._leave_group()

    def _records(self, consumer: Any, timeout_seconds: float, most: int) -> Columns:
        gaps = self._step_over()
        if len(gaps):
            return gaps
        arrived = self._arrivals(consumer, timeout_seconds, most)
        if self.assigned or any(error.code() > 0 for error in arrived.others):
            self._link.arrived()  # codes above 0 are a broker's words, others librdkafka's own
        self._link.complain(arrived.others)
        if self._paused:
            return Columns.none()
        records = arrived.records(self._next_offsets.keys())
        if len(records):
            self._link.lasting.progress()
            self._link.lasting.too_long("")
        self._advance(records)
        self._reached.update({p: n for p, n in arrived.reached.items() if p in self._next_offsets})
        for partition, said in arrived.gone.items():
            self._tell_again(partition, said)
        self._note_damage(arrived.damaged)
        return records

    def _arrivals(self, consumer: Any, timeout_seconds: float, most: int) -> Arrivals:
        """What is there, at once; if nothing is, what comes first, or news, within the timeout."""
        arrived, left = Arrivals(self._topic), most
        deadline = time.monotonic() + timeout_seconds
        messages = consumer.consume(min(left, CHUNK), 0.0)
        while not messages and not self._has_news() and time.monotonic() < deadline:
            seconds = min(max(0.0, deadline - time.monotonic()), SLICE_SECONDS)
            messages = consumer.consume(1, seconds)
        while messages:
            arrived.add(messages)
            left -= len(messages)
            messages = consumer.consume(min(left, CHUNK), 0.0) if left > 0 else []
        return arrived

    def _has_news(self) -> bool:
        places = self._link.places
        return self._link.failing or (
            places is not None and (places.untold or not places.owned <= self._told)
        )

    def _advance(self, records: Columns) -> None:
        ends = records.ends()
        self._next_offsets.update(ends)
        if self._link.places is not None:
            self._link.places.fetched(ends)

    def _tell_again(self, partition: Partition, said: str) -> None:
        """The next offset is not there: the partition is told once more, as it is now."""
        if partition in self._next_offsets:
            log.warning("kafka has not the next record", error=f"{partition}: {said}")
            self._untold_lost |= {partition}
            self._told.discard(partition)
            self._stop([partition])

    def _note_damage(self, damaged: Mapping[Partition, str]) -> None:
        """To be looked at by the next poll: what came before the damage is given out first."""
        damaged = {p: said for p, said in damaged.items() if p in self._next_offsets}
        self._stop(damaged)  # or it would read the same place again and again
        self._damage.note(damaged)

    def _step_over(self) -> Columns:
        """Records that stand for the offsets of batches that cannot be read."""
        if self._paused:
            return Columns.none()
        self._look_for_stalls()
        gaps, settled = self._damage.gaps(self._next_offsets)
        self._advance(gaps)
        self._begin({p: self._next_offsets[p] for p in settled if p in self._next_offsets})
        return gaps

    def _look_for_stalls(self) -> None:
        now = time.monotonic()
        if self.connected and now - self._checked_at >= STALL_CHECK_SECONDS:
            self._checked_at = now
            self._damage.stalled({p: (at.next_offset, at.end_offset)
                                  for p, at in self.positions().items()})  # fmt: skip

    def _take_lost(self) -> frozenset[Partition]:
        lost, self._untold_lost = self._link.take_lost() | self._untold_lost, frozenset()
        for partition in lost:
            self._next_offsets.pop(partition, None)
            self._reached.pop(partition, None)
            self._told.discard(partition)
            self._damage.forget(partition)
        return lost

    def _lose_all(self) -> None:
        """The consumer was thrown away, or the topic is another one: all are told anew."""
        self._untold_lost |= frozenset(self._told) | self._link.take_lost()
        self._told.clear()

    def _newly_assigned(self, consumer: Any) -> dict[Partition, Assigned]:
        """The partitions that are new, with what the brokers know of them."""
        found = self._lookups.found(sorted(self.assigned - self._told))
        self._told |= found.keys()
        return found

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on with a partition at an offset. Without effect if it is not ours any more."""
        if self._link.consumer is None or partition not in self._told & self.assigned:
            return
        self._next_offsets[partition] = offset
        self._reached.pop(partition, None)
        self._damage.forget(partition)
        self._begin({partition: offset})

    def _begin(self, offsets: Mapping[Partition, int]) -> None:
        if self._link.places is not None and offsets and not self._paused:
            try:
                self._link.places.begin(self._link.consumer, offsets)
            except KafkaException as error:
                self._link.fail(error)

    def _stop(self, partitions: Iterable[Partition]) -> None:
        if self._link.places is not None and self._link.consumer is not None:
            try:
                self._link.places.stop(self._link.consumer, partitions)
            except KafkaException as error:
                self._link.fail(error)

    def tend(self) -> None:
        """Stay a member of the group while no records are wanted."""
        places = self._link.places
        if self._link.consumer is None or places is None:
            return
        self._pause(True)
        places.busy = True
        self._records(self._link.consumer, 0.0, 1)
        places.busy = False

    def _pause(self, paused: bool) -> None:
        """Fetch of no partition, or go on with all where they stand."""
        if paused and not self._paused:
            self._stop(list(self._next_offsets))
        was, self._paused = self._paused, paused
        if was and not paused:
            self._begin({p: at for p, at in self._next_offsets.items() if p in self.assigned})

    def close(self) -> None:
        """Leave the group."""
        self._survey.close()
        self._link.close()

    def membership(self) -> Any:
        """Our generation in the group; None without one, or while a loss has not been told."""
        consumer, places = self._link.consumer, self._link.places
        if consumer is None or places is None or self._untold_lost or places.untold:
            return None
        return membership(consumer)

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Commit for the partitions that are still ours; false if that is not certain."""
        if self.membership() is None:
            return False
        mine = {p: c for p, c in offsets.items() if p in self._told}
        handing = self._link.places is not None and self._link.places.handing
        stored = not mine or self._commits.commit(self._link.consumer, mine, handing)
        self._link.fencing = self._link.fencing or self._commits.fenced
        return stored

    def committed(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        """What the group has stored; None if the broker cannot be asked."""
        if self._link.consumer is not None:
            return committed(self._link.consumer, partitions)
        return self._stored_of_group(partitions) if self.fenced else None

    def positions(self) -> Mapping[Partition, Position]:
        """Where the partitions stand whose end is known, by a fetch or by the survey."""
        consumer = self._link.consumer
        if consumer is None:
            return {}
        found = {}
        for partition, next_offset in self._next_offsets.items():
            fetched, surveyed = end_offset(consumer, partition), self._surveyed_end(partition)
            end = max((e for e in (fetched, surveyed) if e is not None), default=None)
            # The end was reached behind the markers of transactions, which are no records.
            known = max(next_offset, self._reached.get(partition, 0))
            if end is not None:
                found[partition] = Position(min(known, end), end)
        return found
