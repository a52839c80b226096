"""What the group has stored, through kafka-python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future

import structlog
from kafka import KafkaConsumer
from kafka.errors import FencedInstanceIdError, KafkaError

from monitor.process import background
from monitor.process.deadline import COMMIT, Deadline
from monitor.stream.kafka_private import OffsetsOfGeneration
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources.translation import key_of, stored

log = structlog.get_logger(__name__)

COMMIT_SECONDS = 10.0
LOOKUP_SECONDS = 10.0


class Commits:
    """Commits, one at a time: kafka-python's can outlast its timeout."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._committing: Future[None] | None = None

    @property
    def hanging(self) -> bool:
        """True while one goes on that nobody waits for any more."""
        return self._committing is not None and not self._committing.done()

    def forget(self) -> None:
        """Its consumer was thrown away."""
        self._committing = None

    def commit(
        self, consumer: KafkaConsumer, offsets: Mapping[Partition, Committed], generation: int
    ) -> bool:
        """True if all is stored for certain. Raises FencedInstanceIdError.

        generation: of the group, in which the partitions are ours: nothing is stored in another.
        """
        if self.hanging:
            return False
        keys = OffsetsOfGeneration({key_of(p): stored(c) for p, c in offsets.items()}, generation)
        milliseconds = int(COMMIT_SECONDS * 1000)
        self._committing = background.start(
            lambda: consumer.commit(keys, timeout_ms=milliseconds), "kafka-commit"
        )
        try:
            self._deadline.result(self._committing, COMMIT_SECONDS + 2, COMMIT)
        except FencedInstanceIdError:
            raise
        except (KafkaError, TimeoutError) as error:
            log.warning("commit failed", error=f"{type(error).__name__}: {error}")
            return False
        return True


def committed(
    consumer: KafkaConsumer, partitions: Iterable[Partition]
) -> dict[Partition, Committed] | None:
    """What the group has stored; None if the broker cannot be asked."""
    found = {}
    try:
        for partition in partitions:
            answer = consumer.committed(
                key_of(partition), metadata=True, timeout_ms=int(LOOKUP_SECONDS * 1000)
            )
            if answer is not None:
                found[partition] = Committed(answer.offset, answer.metadata or "")
    except KafkaError as error:
        log.warning("cannot look up committed offsets", error=type(error).__name__)
        return None
    return found
