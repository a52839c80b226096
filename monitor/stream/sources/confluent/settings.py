"""The subscription in the words of librdkafka."""

from __future__ import annotations

from typing import Any, Final

from monitor.stream.confluent_options import LibraryLog, options
from monitor.stream.kafka_options import Connection
from monitor.stream.sources.subscription import Subscription

STATISTICS_SECONDS: Final = 1.0
PARTITION_FETCH_BYTES: Final = 2**20
LARGEST_RESPONSE_BYTES: Final = 2**31 - 1
"""librdkafka would read a larger answer never: one batch may be larger than what is asked for."""


def consumer_settings(connection: Connection, subscription: Subscription) -> dict[str, Any]:
    """Settings of a confluent_kafka.Consumer, but for its callbacks."""
    return {
        **options(connection),
        **_membership(subscription),
        "logger": LibraryLog(),
        # Offsets that are not there are ours to decide on, never a silent jump.
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": (
            "read_committed" if subscription.read_committed else "read_uncommitted"
        ),
        # Off by default: damaged records would be taken for sound ones.
        "check.crcs": True,
        # How it is told that only markers of transactions come before the end.
        "enable.partition.eof": True,
        "statistics.interval.ms": int(STATISTICS_SECONDS * 1000),
        **_fetching(subscription.fetch_max_bytes),
        # None of these is among what must be as it is here.
        **connection.native,
    }


def _membership(subscription: Subscription) -> dict[str, Any]:
    poll_interval = int(subscription.max_poll_interval_seconds * 1000)
    shared: dict[str, Any] = {
        "group.id": subscription.group,
        "max.poll.interval.ms": poll_interval,
        "group.protocol": subscription.protocol,
    }
    if subscription.instance is not None:
        shared["group.instance.id"] = subscription.instance
    if subscription.protocol == "consumer":
        return shared  # the broker says how long a session lasts, and who gets what
    session = int(subscription.session_timeout_seconds * 1000)
    return {
        **shared,
        # librdkafka refuses a session that is longer than the poll interval.
        "session.timeout.ms": min(session, poll_interval),
        "heartbeat.interval.ms": min(3000, session // 3),
        "partition.assignment.strategy": "range" if subscription.eager else "cooperative-sticky",
    }


def _fetching(max_bytes: int) -> dict[str, Any]:
    """What waits for us in memory is bounded by the bytes that may be asked for at once."""
    return {
        "fetch.max.bytes": max_bytes,
        "message.max.bytes": min(1_000_000, max_bytes),
        "max.partition.fetch.bytes": min(PARTITION_FETCH_BYTES, max_bytes),
        "queued.max.messages.kbytes": max(1, max_bytes // 1024),
        "receive.message.max.bytes": LARGEST_RESPONSE_BYTES,
    }
