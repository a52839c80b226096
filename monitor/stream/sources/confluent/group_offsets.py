"""What the group has stored, and our right to store something, through librdkafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from monitor.process import background
from monitor.process.deadline import COMMIT, Deadline
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources.confluent.places import key_of

log = structlog.get_logger(__name__)

COMMIT_SECONDS: Final = 10.0
LOOKUP_SECONDS: Final = 10.0


def membership(consumer: Any) -> Any:
    """Our generation in the group; None without one.

    Without a generation, the broker would take offsets of a transaction from anybody. Who is
    counted out loses its id at once, maybe between two of these calls.
    """
    member = consumer.memberid()
    metadata = consumer.consumer_group_metadata()
    return metadata if member and member == consumer.memberid() else None


def is_fenced(error: KafkaError) -> bool:
    """True if another process has our place in the group. Some errors tell it by their text."""
    return error.code() == KafkaError.FENCED_INSTANCE_ID or "group.instance.id" in error.str()


class Commits:
    """Commits, one at a time. fenced: one was refused, as another process has our place."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._committing: Future[list[TopicPartition]] | None = None
        self.fenced = False

    @property
    def hanging(self) -> bool:
        """True while one goes on that nobody waits for any more."""
        return self._committing is not None and not self._committing.done()

    def settle(self, seconds: float) -> None:
        """Wait for one that hangs to end, so long at most."""
        if self._committing is not None and self.hanging:
            _, late = wait([self._committing], min(seconds, self._deadline.left(COMMIT)))
            if late:
                log.warning("a commit goes on while partitions are let go", seconds=seconds)

    def forget(self) -> None:
        """Its consumer was thrown away."""
        self._committing = None

    def commit(
        self, consumer: Any, offsets: Mapping[Partition, Committed], in_callback: bool
    ) -> bool:
        """Whether all are stored for certain.

        in_callback: the consumer is for our own thread alone; librdkafka gives up after the
        session's time. Otherwise we wait no longer than COMMIT_SECONDS.
        """
        if self.hanging:
            return False
        keys = [
            TopicPartition(p.topic, p.number, c.offset, metadata=c.note) for p, c in offsets.items()
        ]
        try:
            answer = self._commit(consumer, keys, in_callback)
        except (KafkaException, TimeoutError) as error:
            self.fenced = isinstance(error, KafkaException) and is_fenced(error.args[0])
            log.warning("commit failed", error=f"{type(error).__name__}: {error}")
            return False
        refused = [str(key.error) for key in answer if key.error is not None]
        if refused:
            log.warning("commit failed", error=refused[0])
        return not refused

    def _commit(self, consumer: Any, keys: list[Any], in_callback: bool) -> list[TopicPartition]:
        if in_callback:
            answer: list[TopicPartition] = consumer.commit(offsets=keys, asynchronous=False)
            return answer
        self._committing = background.start(
            lambda: consumer.commit(offsets=keys, asynchronous=False), "kafka-commit"
        )
        return self._deadline.result(self._committing, COMMIT_SECONDS, COMMIT)


def committed(consumer: Any, partitions: Iterable[Partition]) -> dict[Partition, Committed] | None:
    """What the group has stored; None if the broker cannot be asked."""
    keys = [key_of(partition) for partition in partitions]
    if not keys:
        return {}
    try:
        answer = consumer.committed(keys, timeout=LOOKUP_SECONDS)
    except KafkaException as error:
        log.warning("cannot look up committed offsets", error=str(error))
        return None
    if any(key.error is not None for key in answer):
        return None
    return {
        Partition(key.topic, key.partition): Committed(key.offset, key.metadata or "")
        for key in answer
        if key.offset >= 0
    }


def end_offset(consumer: Any, partition: Partition) -> int | None:
    """One past the newest record, as the last fetch told; None if nothing was fetched yet."""
    try:
        _, end = consumer.get_watermark_offsets(key_of(partition), cached=True)
    except KafkaException:
        return None
    return end if end >= 0 else None
