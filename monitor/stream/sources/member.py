"""What the members of a group have in common, whichever client they read with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from monitor.process import background
from monitor.process.deadline import LEAVE
from monitor.stream.kafka_options import Connection, connect, described
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources import Position
from monitor.stream.sources.lasting import (
    ENDLESS_COMMIT,
    NO_CONNECTION,
    NO_COORDINATOR,
    NO_MEMBERSHIP,
    NOTHING_COMES,
    UNBALANCED,
    Lasting,
)
from monitor.stream.sources.lookups import Lookup, Lookups
from monitor.stream.sources.owners import NO_OWNER, Unowned, leave
from monitor.stream.sources.subscription import Subscription
from monitor.stream.sources.survey import REQUEST_SECONDS, Ends, Survey, stored_offsets

log = structlog.get_logger(__name__)


class Membership(Protocol):
    """A client's connection to its group. fencing: another process is in our place; fenced: and
    we have stopped. replaced: consumers that were thrown away because they got no further.
    """

    fencing: bool
    fenced: bool
    replaced: int
    lasting: Lasting
    balanced: Callable[[], bool]

    @property
    def connected(self) -> bool:
        """True while a broker is connected."""


class GroupMember:
    """Knows its topic by a survey of its own, and whether it gets any further.

    committed: what the group has stored, asked by the client itself.
    """

    def __init__(
        self,
        connection: Connection,
        subscription: Subscription,
        link: Membership,
        committed: Lookup,
    ) -> None:
        self._membership_link = link
        self._group = subscription.group
        self._instance = subscription.instance
        self._connection = connection
        # A server that cannot tell its version may not know the request either.
        group = subscription.group if connection.api_version is None else None
        self._survey = Survey(connection, subscription.topic, group=group)
        self._lookups = Lookups(self._survey, committed)
        self._told: set[Partition] = set()
        link.balanced = lambda: not self._unowned().partitions

    @property
    def connected(self) -> bool:
        """True while at least one broker is connected; looked up once a second."""
        answers = self.fenced and not self._survey.failure
        return answers or self._membership_link.connected

    @property
    def fenced(self) -> bool:
        """True if another process has taken our place in the group."""
        return self._membership_link.fenced

    @property
    def replaced(self) -> int:
        """Consumers that were thrown away because they got no further."""
        return self._membership_link.replaced

    def on_survey(self, tell: Callable[[Ends], None]) -> None:
        """Have this called with the ends of partitions, whenever the brokers have told them."""
        self._survey.tell = tell

    def unreadable(self) -> Mapping[Partition, str]:
        """Partitions that cannot be read, and why: of ours, and those that are nobody's."""
        unowned = self._unowned()
        nobodys = unowned.partitions if unowned.lasts(time.monotonic()) else frozenset()
        return {**dict.fromkeys(nobodys, NO_OWNER), **self._lookups.stuck(self._told)}

    def _unowned(self) -> Unowned:
        view = self._survey.view
        return Unowned() if view is None else view.unowned

    def _state(
        self, commit_hangs: bool, member: str, positions: Mapping[Partition, Position]
    ) -> str:
        """Which of the states it is in that may last for ever; empty if in none.

        member: our id in the group, empty while it has not let us in. positions: of the
        partitions that are being read.
        """
        if not self._membership_link.connected:
            return NO_CONNECTION
        if commit_hangs:
            return ENDLESS_COMMIT
        if not member:
            return NO_MEMBERSHIP
        if self._lookups.unanswered:
            return NO_COORDINATOR
        if self._unowned().is_turn_of(member, time.monotonic()):
            return UNBALANCED
        silent = self.unreadable()
        waits = any(
            at.next_offset < at.end_offset for p, at in positions.items() if p not in silent
        )
        return NOTHING_COMES if waits else ""

    def _leave_group(self) -> None:
        """Be counted out, so that the group is balanced anew. A name would keep our place."""
        instance = self._instance
        if instance is None:
            return  # closing the client has done it
        leaving = background.start(lambda: self._count_out(instance), "kafka-leave")
        try:
            self._connection.deadline.result(leaving, REQUEST_SECONDS, LEAVE)
        except (KafkaError, OSError, ValueError, TimeoutError) as error:
            log.warning("cannot leave the group", error=described(error))

    def _count_out(self, instance: str) -> None:
        admin = connect(KafkaAdminClient, **self._connection.options(REQUEST_SECONDS))
        try:
            leave(admin, self._group, instance)
        finally:
            admin.close()

    def _surveyed_end(self, partition: Partition) -> int | None:
        """One past the last record, as the survey saw it last."""
        view = self._survey.view
        bounds = None if view is None else view.bounds.get(partition)
        return None if bounds is None else bounds[1]

    def _stored_of_group(
        self, partitions: Iterable[Partition]
    ) -> Mapping[Partition, Committed] | None:
        """What the group has stored, asked from outside: we are in it no more."""
        try:
            return stored_offsets(self._connection, self._group, partitions)
        except (KafkaError, OSError, ValueError) as error:
            log.warning("cannot look up committed offsets", error=described(error))
            return None
