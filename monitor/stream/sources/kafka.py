"""Records from a Kafka topic, as a member of a consumer group.

kafka-python runs its network loop, heartbeats and rebalances on a thread of its own; the
rebalance callbacks come on that thread, and the next `poll` reports what they noted. Payloads
are never decoded here: a failing deserializer would stall the consumer. An exception from the
library's `poll` that is not about one batch is final for that consumer object, so a new one is
made.

Where to begin with a partition is for the caller to say: a partition that was given to us is
told with what is committed for it, and nothing comes of it before `seek`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from kafka import KafkaConsumer
from kafka.errors import (
    FencedInstanceIdError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from monitor.stream.columns import Columns
from monitor.stream.kafka_options import Connection
from monitor.stream.kafka_private import forget_fetched, reached
from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Gap, Partition
from monitor.stream.sources import Polled, Position
from monitor.stream.sources.group_offsets import Commits, committed
from monitor.stream.sources.lasting import UNBALANCED
from monitor.stream.sources.link import Link
from monitor.stream.sources.member import GroupMember
from monitor.stream.sources.rebalances import HandOver, partitions_of
from monitor.stream.sources.subscription import Subscription
from monitor.stream.sources.translation import columns_of, key_of
from monitor.stream.sources.unreadable import Unreadable, unreadable

log = structlog.get_logger(__name__)

LOOK_AFTER_SECONDS = 1.0
"""Between looks at whether the consumer stands still."""


class KafkaSource(GroupMember):
    """A member of a consumer group; connects when first polled, and again after a loss."""

    def __init__(self, connection: Connection, subscription: Subscription) -> None:
        self._link = Link(connection, subscription)
        super().__init__(connection, subscription, self._link, self.committed)
        self._commits = Commits(connection.deadline)
        self._next_offsets: dict[Partition, int] = {}
        self._untold_lost: frozenset[Partition] = frozenset()
        self._paused = False
        self._look_after_at = 0.0

    @property
    def _consumer(self) -> KafkaConsumer | None:
        return self._link.consumer

    def on_leaving(self, hand_over: HandOver) -> None:
        """Have this called before partitions go to another member."""
        self._link.hand_over = hand_over

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that the group has given to this member."""
        if self._consumer is None or self._link.rebalances is None:
            return frozenset()
        return partitions_of(self._consumer.assignment()) - self._link.rebalances.leaving

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Wait for records; while there is no broker, wait out the backoff and try again."""
        self._survey.start()
        consumer = self._consumer or self._link.connect(timeout_seconds)
        if consumer is None:
            return Polled(lost=self._take_lost())
        self._pause(max_records == 0)
        records = self._records(consumer, timeout_seconds, max(1, max_records))
        self._link.complain_without_partitions()
        if self._link.rebalances is not None:
            self._link.rebalances.wait()
        self._look_after()
        lost = self._take_lost()
        assigned = self._newly_assigned(consumer) if self._consumer is consumer else {}
        # A partition can be lost while its records are on their way to us: they are not ours.
        kept = records.where(records.of_partitions(self._next_offsets if max_records else ()))
        self._next_offsets.update(kept.ends())
        return Polled(kept, lost, assigned)

    def _look_after(self) -> None:
        """See whether the consumer may go on: it may be fenced, or stand for ever."""
        if self._link.fencing:
            self._fence()
        elif self._lookups.is_another_topic():
            self._untold_lost |= frozenset(self._told)
            self._told.clear()
        elif self._consumer is not None and time.monotonic() >= self._look_after_at:
            self._look_after_at = time.monotonic() + LOOK_AFTER_SECONDS
            group = self._consumer.group_metadata()
            member = group.member_id if group.generation_id >= 0 else ""
            positions = {} if self._paused else self.positions()
            state = self._state(self._commits.hanging, member, positions)
            if self._link.lasting.too_long(state):
                self._link.replaced += 1
                self._reset(KafkaError(state))
                if state == UNBALANCED:
                    self._leave_group()

    def _fence(self) -> None:
        """Stop for good: what is not final is taken back, since the other one has our place."""
        self._untold_lost |= frozenset(self._told) | self._link.take_lost()
        self._told.clear()
        self._link.fence()

    def _records(
        self, consumer: KafkaConsumer, timeout_seconds: float, max_records: int
    ) -> Columns:
        self._link.go_on_joining()
        try:
            answer = consumer.poll(int(timeout_seconds * 1000), max_records=max_records)
        except NoOffsetForPartitionError:
            return (
                Columns.none()
            )  # the partition is new: it is told, and sought, before anything comes of it
        except (OffsetOutOfRangeError, LogTruncationError) as error:
            self._tell_again(error)
            return Columns.none()
        except FencedInstanceIdError:
            self._link.fencing = True
            return Columns.none()
        except Exception as error:
            found = unreadable(error, consumer)
            if found is not None:
                return self._step_over(consumer, found)
            if not isinstance(error, KafkaError):
                raise
            self._reset(error)
            return Columns.none()
        if answer:
            self._link.lasting.progress()
            self._link.lasting.too_long("")
        return columns_of(answer)

    def _tell_again(self, error: KafkaError) -> None:
        """The next offset is not there: the partition is told once more, as it is now."""
        log.warning("kafka has not the next record", error=f"{type(error).__name__}: {error}")
        self._untold_lost |= frozenset(self._next_offsets)
        self._told.clear()

    def _step_over(self, consumer: KafkaConsumer, found: Unreadable) -> Columns:
        """A record that stands for the offsets of a batch that cannot be read."""
        partition = found.partition
        first = self._next_offsets.get(partition)
        # Without a seek, the next poll would never return (kafka-python 3.0.12).
        consumer.seek(key_of(partition), found.next_offset)
        if first is None:
            return Columns.none()
        log.error(
            "a batch of records cannot be read; it becomes a dead letter",
            partition=str(partition),
            first_offset=first,
            next_offset=found.next_offset,
            error=found.error,
        )
        gap = Gap(found.next_offset, "unreadable", found.error)
        return Columns.of_gap(partition, first, gap)

    def _take_lost(self) -> frozenset[Partition]:
        lost, self._untold_lost = self._link.take_lost() | self._untold_lost, frozenset()
        lost |= self._told - self.assigned  # without a word
        for partition in lost:
            self._next_offsets.pop(partition, None)
            self._told.discard(partition)
        return lost

    def _newly_assigned(self, consumer: KafkaConsumer) -> dict[Partition, Assigned]:
        """The partitions that are new, with what the brokers know of them."""
        new = sorted(self.assigned - self._told)
        for partition in new:
            self._hold(consumer, partition)
        found = self._lookups.found(new)
        self._told |= found.keys()
        return found

    def _hold(self, consumer: KafkaConsumer, partition: Partition) -> None:
        """Give a partition a place until `seek`: without one, it would stop the others."""
        key = key_of(partition)
        with suppress(ValueError, KeyError):  # taken away between the calls: the next poll tells
            if key not in consumer.paused():
                consumer.pause(key)
                consumer.seek(key, 0)

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on with a partition at an offset. Without effect if it is not ours any more."""
        if self._consumer is None or partition not in self._told:
            return
        try:
            self._consumer.seek(key_of(partition), offset)
        except (ValueError, KeyError):  # taken away between the calls: the next poll tells
            return
        self._next_offsets[partition] = offset
        if not self._paused:
            self._consumer.resume(key_of(partition))

    def tend(self) -> None:
        """Stay a member of the group while no records are wanted."""
        if self._consumer is None or self._link.rebalances is None:
            return
        rebalances = self._link.rebalances
        self._pause(True)
        rebalances.busy = True
        strays = self._records(self._consumer, 0.0, 1)
        if self._link.fencing:
            self._fence()
        rebalances.busy = False
        # Only a partition that came just now is not paused, and it is sought before it is read.
        self._untold_lost |= strays.ends().keys() & self._next_offsets.keys()

    def _pause(self, paused: bool) -> None:
        """Pause all partitions, or go on with all that were sought."""
        consumer = self._consumer
        if consumer is None:
            return
        if paused:
            consumer.pause(*(set(consumer.assignment()) - consumer.paused()))
        elif self._paused:
            held = consumer.paused()
            for partition, offset in self._next_offsets.items():
                if key_of(partition) in held:
                    forget_fetched(consumer, key_of(partition))
                    consumer.seek(key_of(partition), offset)
                    consumer.resume(key_of(partition))
        self._paused = paused

    def _reset(self, error: Exception) -> None:
        """Throw the consumer away; the next poll makes a new one, and tells what was lost."""
        self._untold_lost |= frozenset(self._next_offsets) | self._link.take_lost()
        self._told.clear()
        self._commits.forget()
        self._link.reset(error)

    def close(self) -> None:
        """Leave the group."""
        self._survey.close()
        self._link.close()

    def membership(self) -> Any:
        """Our generation in the group; None without one, or while a loss has not been told."""
        if self._consumer is None or self._untold_lost or self._link.loss_untold:
            return None
        membership = self._consumer.group_metadata()
        # Without a generation, the broker would take offsets of a transaction from anybody.
        return membership if membership.generation_id >= 0 else None

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Commit for the partitions that are still ours; false if that is not certain."""
        consumer, membership = self._consumer, self.membership()
        if consumer is None or membership is None:
            return False
        mine = {p: c for p, c in offsets.items() if p in self._told}
        try:
            return not mine or self._commits.commit(consumer, mine, membership.generation_id)
        except FencedInstanceIdError:
            self._link.fencing = True
            return False

    def committed(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        """What the group has stored; None if the broker cannot be asked."""
        if self._consumer is not None:
            return committed(self._consumer, partitions)
        return self._stored_of_group(partitions) if self.fenced else None

    def positions(self) -> Mapping[Partition, Position]:
        """Where the partitions stand whose end is known, by a fetch or by the survey."""
        found = {p: self._position(p) for p in self._next_offsets}
        return {p: position for p, position in found.items() if position is not None}

    def _position(self, partition: Partition) -> Position | None:
        key, consumer = key_of(partition), self._consumer
        if consumer is None:
            return None
        try:
            fetched, passed = consumer.highwater(key), reached(consumer, key)
        except (KafkaError, ValueError, KeyError):  # taken away between the calls
            return None
        ends = [end for end in (fetched, self._surveyed_end(partition)) if end is not None]
        if not ends:
            return None
        # The consumer has passed the markers of transactions, which are no records.
        known = max(self._next_offsets.get(partition, 0), passed or 0)
        return Position(min(known, max(ends)), max(ends))
