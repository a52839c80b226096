"""The place of a topic in a group that an earlier version kept it in by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Final

import structlog
from kafka import KafkaConsumer
from kafka.errors import AuthorizationError, KafkaError

from monitor.process import background
from monitor.stream.kafka_options import CONNECT_SECONDS, Connection, connect
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources.translation import key_of

log = structlog.get_logger(__name__)

LOOKUP_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 0.2
"""A look takes no longer where all is well."""

FormerOffsets = Callable[[Iterable[Partition]], Mapping[Partition, Committed] | None]
"""What another group has stored; None if that cannot be told now."""


def former_offsets(connection: Connection, group: str) -> FormerOffsets:
    """Looks into a group without joining it. What may not be seen counts as not there, and is told.

    A look waits for the brokers up to half a minute; `FormerPlaces` does not.
    """

    def look(partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        try:
            consumer = connect(
                KafkaConsumer,
                **connection.options(CONNECT_SECONDS),
                group_id=group,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
            )
        except (KafkaError, OSError, ValueError) as error:
            log.warning("cannot look into the group of before", group=group, error=str(error))
            return None
        try:
            return {p: found for p in partitions if (found := _stored(consumer, p)) is not None}
        except AuthorizationError as error:
            log.warning(
                "the group of before may not be looked into: if an earlier version kept its place"
                " there, set kafka.group to its name",
                group=group,
                error=type(error).__name__,
            )
            return {}
        except KafkaError as error:
            log.warning("cannot look into the group of before", group=group, error=str(error))
            return None
        finally:
            consumer.close(autocommit=False, timeout_ms=1000)

    return look


class FormerPlaces:
    """Asks beside the run loop, which goes on meanwhile."""

    def __init__(self, look: FormerOffsets) -> None:
        self._look = look
        self._looking: Future[Mapping[Partition, Committed] | None] | None = None
        self._asked: frozenset[Partition] = frozenset()

    def of(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed] | None:
        """The places of those that have one; None while that is not known: ask again."""
        wanted = frozenset(partitions)
        if not wanted:
            return {}
        if self._looking is None or (self._looking.done() and not wanted <= self._asked):
            self._asked = wanted
            self._looking = background.start(lambda: self._look(sorted(wanted)), "former-group")
        wait([self._looking], WAIT_SECONDS)
        if not self._looking.done():
            return None
        looking, self._looking = self._looking, None
        found = looking.result()
        if found is None or not wanted <= self._asked:
            return None
        return {p: committed for p, committed in found.items() if p in wanted}


def _stored(consumer: KafkaConsumer, partition: Partition) -> Committed | None:
    answer = consumer.committed(
        key_of(partition), metadata=True, timeout_ms=int(LOOKUP_SECONDS * 1000)
    )
    return None if answer is None else Committed(answer.offset, answer.metadata or "")
