"""Which topic to read and how, in our words and in those of kafka-python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from monitor.stream import kafka_private
from monitor.stream.kafka_options import Connection

LONGEST_HANDOVER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic, and the group that reads it.

    instance: name of this member, the same after a restart (static membership): its partitions
    wait for it as long as the session lasts. eager: give all partitions back at each rebalance,
    for a group with members that know no other way. protocol: of the group, `classic`, or
    `consumer` (KIP-848), which kafka-python does not speak. read_committed: leave out the
    records of transactions that were given up.
    """

    topic: str
    group: str
    instance: str | None = None
    eager: bool = False
    protocol: str = "classic"
    read_committed: bool = True
    session_timeout_seconds: float = 45.0
    max_poll_interval_seconds: float = 300.0
    fetch_max_bytes: int = 50 * 2**20

    @property
    def handover_seconds(self) -> float:
        """Longest wait for what is done of a partition to be committed before it goes."""
        return min(LONGEST_HANDOVER_SECONDS, self.max_poll_interval_seconds / 3)


def consumer_options(
    connection: Connection,
    subscription: Subscription,
    owned: Callable[[], list[TopicPartition]],
    given: Callable[[list[TopicPartition]], None],
) -> dict[str, Any]:
    """Options of a KafkaConsumer.

    owned: the partitions that it owns when it joins the group. given: called with all that it has
    then been given, unless it gives all back at each rebalance.
    """
    return {
        **connection.options(),
        "group_id": subscription.group,
        "group_instance_id": subscription.instance,
        # Offsets that are not there are ours to decide on, never a silent jump.
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "isolation_level": "read_committed" if subscription.read_committed else "read_uncommitted",
        "partition_assignment_strategy": [
            kafka_private.range_assignor()
            if subscription.eager
            else kafka_private.cooperative_assignor(owned, given)
        ],
        "session_timeout_ms": int(subscription.session_timeout_seconds * 1000),
        "heartbeat_interval_ms": int(min(3.0, subscription.session_timeout_seconds / 3) * 1000),
        "max_poll_interval_ms": int(subscription.max_poll_interval_seconds * 1000),
        "fetch_max_bytes": subscription.fetch_max_bytes,
        # A misspelt topic must not come to life because we asked for it.
        "allow_auto_create_topics": False,
        "metadata_max_age_ms": 30_000,
    }
