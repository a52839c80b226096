"""Partitions that a group at rest has given to none of its members.

Members that hand over step by step (KIP-429) give back first, and a second rebalance gives to
others what was given back. One that is restarted under the same instance name in between (KIP-345)
gets what its forerunner kept, without a rebalance: the second one never comes, and what was given
back has no reader until somebody joins or leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from kafka.admin import MemberToRemove
from kafka.errors import GroupAuthorizationFailedError, KafkaError

from monitor.stream.kafka_options import described
from monitor.stream.records import Partition

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 10.0
TURN_SECONDS: Final = 30.0
"""How long each member waits for the one before it to join anew."""
NO_OWNER: Final = "the group has given it to none of its members"


@dataclass(frozen=True, slots=True)
class Unowned:
    """since: when they were first seen without a member, monotonic seconds. members: ids of all,
    in the order in which they are to join anew: those with the fewest partitions first.
    """

    partitions: frozenset[Partition] = frozenset()
    since: float = float("inf")
    members: tuple[str, ...] = ()

    def lasts(self, now: float) -> bool:
        """Whether it is more than a rebalance that has not been seen."""
        return now - self.since >= TURN_SECONDS

    def is_turn_of(self, member: str, now: float) -> bool:
        """Whether a member should join anew, so that the group is balanced again."""
        place = self.members.index(member) if member in self.members else len(self.members)
        return now - self.since >= (1 + place) * TURN_SECONDS


class Owners:
    """Asks the group now and then who has which partitions."""

    def __init__(self, group: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._clock = clock
        self._asked_at = float("-inf")
        self._found = Unowned()
        self._forbidden = False

    def look(self, admin: Any, partitions: frozenset[Partition]) -> Unowned:
        """What is known, asked for at most every LOOK_SECONDS; partitions: all of the topic."""
        now = self._clock()
        if now - self._asked_at < LOOK_SECONDS or self._forbidden:
            return self._found
        self._asked_at = now
        try:
            told = admin.describe_groups([self._group])[self._group]
        except GroupAuthorizationFailedError:
            self._forbid()
            return self._found
        except (KafkaError, OSError, ValueError) as error:
            log.debug("cannot ask who is in the group; trying again", error=described(error))
            return self._found
        if told.get("error_code") or "authorization" in str(told.get("error") or "").lower():
            self._forbid()
            return self._found
        found = unowned(told, partitions)
        members = _idlest_first(told) if found else ()
        since = self._found.since if found and found & self._found.partitions else now
        self._found = Unowned(found, since, members) if found else Unowned()
        return self._found

    def _forbid(self) -> None:
        self._forbidden = True
        log.warning(
            "may not ask who is in the group: partitions that it gives to no member go unseen."
            " Allow DESCRIBE on the group",
            group=self._group,
        )


def unowned(told: Mapping[str, Any], partitions: Iterable[Partition]) -> frozenset[Partition]:
    """The partitions that no member has; none while the group is not at rest, or cannot be read.

    told: of a group, as `KafkaAdminClient.describe_groups` gives it.
    """
    members = told.get("members") or []
    if told.get("group_state") != "Stable" or not members:
        return frozenset()
    owned: set[Partition] = set()
    for member in members:
        assignment = member.get("member_assignment")
        if not isinstance(assignment, Mapping):
            if assignment:  # of another form than consumers have
                return frozenset()
            continue
        owned |= _partitions_of(assignment)
    return frozenset(partitions) - owned


def _partitions_of(assignment: Mapping[str, Any]) -> set[Partition]:
    return {
        Partition(topic["topic"], number)
        for topic in assignment["assigned_partitions"]
        for number in topic["partitions"]
    }


def _idlest_first(told: Mapping[str, Any]) -> tuple[str, ...]:
    def burden(member: Mapping[str, Any]) -> tuple[int, str]:
        assignment = member.get("member_assignment")
        many = len(_partitions_of(assignment)) if isinstance(assignment, Mapping) else 0
        return many, str(member["member_id"])

    return tuple(str(member["member_id"]) for member in sorted(told["members"], key=burden))


def leave(admin: Any, group: str, instance: str) -> None:
    """Have a member of this name counted out: closing its client does not do that.

    Raises KafkaError.
    """
    admin.remove_group_members(
        group, [MemberToRemove(group_instance_id=instance, reason="partitions without a member")]
    )
