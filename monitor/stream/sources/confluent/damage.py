"""Batches that librdkafka cannot read: what they are and where they end, by a second look.

librdkafka (2.16.0) tells the first offset of such a batch and not its end, reads the same place
again and again without a pause, and of records that cannot be parsed it says nothing at all: the
partition stands still. kafka-python can tell, so that it looks at the place, in no group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from kafka import KafkaConsumer
from kafka.errors import KafkaError

from monitor.errors import DamagedRecordsError
from monitor.stream.columns import Columns
from monitor.stream.kafka_options import Connection, connect, described
from monitor.stream.records import Gap, Partition
from monitor.stream.sources.translation import key_of
from monitor.stream.sources.unreadable import unreadable

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 2.0
STALL_SECONDS: Final = 5.0
LONGEST_STALL_SECONDS: Final = 300.0
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Sight:
    """What is at a place. end: where a batch ends that cannot be read, and why it cannot;
    None if there is a record that can be read, or nothing yet.
    """

    found: bool
    end: int | None = None
    error: str = ""


def look(connection: Connection, read_committed: bool, partition: Partition, at: int) -> Sight:
    """What kafka-python sees at an offset. Raises KafkaError if it cannot be asked,
    DamagedRecordsError if nobody can tell where the damage ends.
    """
    consumer = connect(
        KafkaConsumer,
        **connection.options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        allow_auto_create_topics=False,
        isolation_level="read_committed" if read_committed else "read_uncommitted",
    )
    try:
        consumer.assign([key_of(partition)])
        consumer.seek(key_of(partition), at)
        return Sight(bool(consumer.poll(int(LOOK_SECONDS * 1000), max_records=1)))
    except Exception as error:
        found = unreadable(error, consumer)
        if found is None:
            raise
        return Sight(True, found.next_offset, found.error)
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)


class Damage:
    """Partitions that librdkafka has stopped at. look: see the function of that name."""

    def __init__(
        self, look: Callable[[Partition, int], Sight], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._told: dict[Partition, str] = {}
        self._tries: dict[tuple[Partition, int], int] = {}
        self._look_at = 0.0
        self._moved: dict[Partition, tuple[int, float, float]] = {}

    def note(self, damaged: Mapping[Partition, str]) -> None:
        """Take in what librdkafka says of partitions, to be looked at by `gaps`."""
        self._told.update(damaged)

    def forget(self, partition: Partition) -> None:
        """It is not ours any more, or read from elsewhere."""
        self._told.pop(partition, None)
        self._moved.pop(partition, None)

    def stalled(self, places: Mapping[Partition, tuple[int, int]]) -> None:
        """Note those that stand still although more is there. places: next and end offset."""
        now = self._clock()
        for partition, (at, end) in places.items():
            known, since, patience = self._moved.get(partition, (-1, now, STALL_SECONDS))
            if at != known or at >= end:
                self._moved[partition] = (at, now, STALL_SECONDS)
            elif now - since >= patience and partition not in self._told:
                self._moved[partition] = (at, now, min(2 * patience, LONGEST_STALL_SECONDS))
                self._told[partition] = ""

    def gaps(self, next_offsets: Mapping[Partition, int]) -> tuple[Columns, set[Partition]]:
        """A record for each batch that cannot be read, and the partitions to be read on.

        Raises DamagedRecordsError if somebody must step over it.
        """
        parts: list[Columns] = []
        settled: set[Partition] = set()
        if not self._told or self._clock() < self._look_at:
            return Columns.joined(parts), settled
        for partition, said in list(self._told.items()):
            at = next_offsets.get(partition)
            sight = None if at is None else self._sight(partition, at)
            if at is not None and sight is None:
                continue
            del self._told[partition]
            settled.add(partition)
            if at is not None and sight is not None:
                parts.append(self._step(partition, at, sight, said))
        return Columns.joined(parts), settled

    def _sight(self, partition: Partition, at: int) -> Sight | None:
        try:
            return self._look(partition, at)
        except (KafkaError, OSError, ValueError) as error:
            log.warning(
                "cannot look at a batch of records that cannot be read; trying again",
                partition=str(partition),
                offset=at,
                error=described(error),
            )
            self._look_at = self._clock() + RETRY_SECONDS
            return None

    def _step(self, partition: Partition, at: int, sight: Sight, said: str) -> Columns:
        if sight.end is None:
            self._read_again(partition, at, sight, said)
            return Columns.none()
        log.error(
            "a batch of records cannot be read; it becomes a dead letter",
            partition=str(partition),
            first_offset=at,
            next_offset=sight.end,
            error=sight.error,
        )
        return Columns.of_gap(partition, at, Gap(sight.end, "unreadable", sight.error))

    def _read_again(self, partition: Partition, at: int, sight: Sight, said: str) -> None:
        """kafka-python sees no damage: it may have come on the way, and not the next time."""
        if not sight.found or not said:
            return
        tries = self._tries.get((partition, at), 0) + 1
        self._tries = {(partition, at): tries}
        if tries >= TRIES:
            raise DamagedRecordsError(
                f"{partition}, offset {at:,}: librdkafka cannot read what comes next ({said}),"
                " and kafka-python can. Nothing was skipped, and nothing more is read. Set"
                " kafka.client to kafka-python"
            )
