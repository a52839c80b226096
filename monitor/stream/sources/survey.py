"""What the brokers say of the topic, asked again and again beside whoever reads it.

Both clients tell the end of a partition only as their last fetch saw it, and fetch nothing while
reading is stopped. So a client of its own, on a thread of its own and in no group, asks for all
partitions: which topic it is, who leads, where records begin and end. One that does not answer
costs the others nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, KafkaTimeoutError

from monitor.stream.kafka_options import Connection, connect, described
from monitor.stream.offsets import Committed, identity_of
from monitor.stream.records import Partition
from monitor.stream.sources.owners import Owners, Unowned

log = structlog.get_logger(__name__)

SURVEY_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 5.0
NO_LEADER: Final = "it has no leader"
Ends = Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class View:
    """The topic at one moment. taken_at: when it was asked for, monotonic seconds.

    identity: see `identity_of`. bounds: first offset of a partition, and one past its last,
    records of open transactions included. silent: partitions that nobody answers for, and why.
    unowned: partitions that no member of the group has.
    """

    taken_at: float
    identity: str = ""
    bounds: Mapping[Partition, tuple[int, int]] = field(default_factory=dict)
    silent: Mapping[Partition, str] = field(default_factory=dict)
    unowned: Unowned = field(default_factory=Unowned)

    @property
    def partitions(self) -> frozenset[Partition]:
        """All of the topic."""
        return frozenset(self.bounds.keys() | self.silent.keys())


class Survey:
    """Looks at a topic every few seconds, and at once when `after` asks for it.

    view: the last look that succeeded, from any thread. failure: why the last one did not; empty
    if it did. tell: called with the ends of partitions after each look, on the survey's thread.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        seconds: float = SURVEY_SECONDS,
        group: str | None = None,
    ) -> None:
        """group: whose members are looked at, too."""
        self._connection = connection
        self._topic = topic
        self._owners = None if group is None else Owners(group)
        self._seconds = seconds
        self._wanted_at = float("-inf")
        self._closed = False
        self._thread: threading.Thread | None = None
        self._news = threading.Condition()
        self._admin: Any = None
        self._said_old = False
        self.view: View | None = None
        self.failure = ""
        self.tell: Callable[[Ends], None] = lambda ends: None

    def start(self) -> None:
        """Begin, if that has not been done."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="kafka-survey", daemon=True)
            self._thread.start()

    def after(self, moment: float, timeout_seconds: float) -> View | None:
        """A view that was asked for after a moment (monotonic); None if none comes in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._news:
            self._wanted_at = max(self._wanted_at, moment)
            self._news.notify_all()
            while (view := self.view) is None or view.taken_at < moment:
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    return None
                self._news.wait(left)
        return view

    def close(self) -> None:
        """Ask no more; the thread ends when its last request does."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _run(self) -> None:
        while not self._closed:
            began = time.monotonic()
            self._look(began)
            with self._news:
                self._news.notify_all()
                self._news.wait_for(
                    lambda began=began: self._closed or self._wanted_at > began,  # type: ignore[misc]
                    self._seconds if not self.failure else min(1.0, self._seconds),
                )
        self._discard()

    def _look(self, now: float) -> None:
        try:
            if self._admin is None:
                self._admin = connect(
                    KafkaAdminClient,
                    **self._connection.options(REQUEST_SECONDS),
                    request_timeout_ms=int(REQUEST_SECONDS * 1000),
                )
            view = look(self._admin, self._topic, now)
        except (KafkaError, OSError, ValueError) as error:
            if not self.failure:
                log.debug("cannot look at the topic; trying again", error=described(error))
            self.failure = described(error)
            self._discard()
            return
        known = Unowned() if self.view is None else self.view.unowned
        self.view, self.failure = replace(view, unowned=known), ""
        if set(view.silent.values()) - {NO_LEADER}:
            self._discard()  # it may not know a broker that has come since, or has moved
        self._warn_of_old(view)
        self.tell({partition: end for partition, (_, end) in view.bounds.items()})
        if self._owners is not None and self._admin is not None:
            unowned = self._owners.look(self._admin, view.partitions)
            self.view = replace(view, unowned=unowned)

    def _warn_of_old(self, view: View) -> None:
        if view.partitions and view.identity.endswith("-") and not self._said_old:
            self._said_old = True
            log.warning(
                "the brokers give topics no ids (Kafka before 2.8): a topic that is deleted and"
                " made anew is noticed only while it holds less than was read",
                topic=self._topic,
            )

    def _discard(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()


def look(admin: Any, topic: str, now: float) -> View:
    """The topic as it is now. Raises KafkaError if no broker answers at all."""
    cluster = admin.describe_cluster().get("cluster_id")
    (told,) = admin.describe_topics([topic])
    identity = identity_of(cluster, told.get("topic_id"))
    leaders: dict[int, list[Partition]] = {}
    silent: dict[Partition, str] = {}
    for item in told["partitions"]:
        partition = Partition(topic, item["partition_index"])
        if item["leader_id"] < 0:
            silent[partition] = NO_LEADER
        else:
            leaders.setdefault(item["leader_id"], []).append(partition)
    bounds: dict[Partition, tuple[int, int]] = {}
    for partitions in leaders.values():
        _ask(admin, partitions, bounds, silent)
    return View(now, identity, bounds, silent)


def _ask(
    admin: Any,
    partitions: list[Partition],
    bounds: dict[Partition, tuple[int, int]],
    silent: dict[Partition, str],
) -> None:
    """Look up the bounds of partitions of one leader; one that fails is found by halving."""
    keys = {TopicPartition(p.topic, p.number): p for p in partitions}
    try:
        first, end = (
            admin.list_partition_offsets(
                dict.fromkeys(keys, which), timeout_ms=int(REQUEST_SECONDS * 1000)
            )
            for which in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
        )
    except (KafkaError, OSError, ValueError) as error:
        if len(partitions) == 1 or isinstance(error, KafkaTimeoutError):
            silent.update(dict.fromkeys(partitions, described(error)))
            return
        half = len(partitions) // 2
        _ask(admin, partitions[:half], bounds, silent)
        _ask(admin, partitions[half:], bounds, silent)
        return
    for key, partition in keys.items():
        if key in first and key in end:
            bounds[partition] = (first[key].offset, end[key].offset)
        else:
            silent[partition] = "its leader does not tell its offsets"


def stored_offsets(
    connection: Connection, group: str, partitions: Iterable[Partition]
) -> dict[Partition, Committed]:
    """What a group has stored, asked by who is not in it. Raises KafkaError."""
    keys = {TopicPartition(p.topic, p.number): p for p in partitions}
    admin = connect(KafkaAdminClient, **connection.options(REQUEST_SECONDS))
    try:
        found = admin.list_group_offsets({group: list(keys)})[group]
    finally:
        admin.close()
    return {
        keys[key]: Committed(stored.offset, stored.metadata or "")
        for key, stored in found.items()
        if key in keys and stored.offset >= 0
    }
