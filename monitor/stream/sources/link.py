"""The consumer of a source: made when needed, thrown away when it fails, watched meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from monitor.process import background
from monitor.process.deadline import LEAVE
from monitor.stream import kafka_private
from monitor.stream.kafka_options import Connection, complaint, connect
from monitor.stream.records import Partition
from monitor.stream.sources.lasting import Lasting
from monitor.stream.sources.rebalances import HandOver, Rebalances
from monitor.stream.sources.subscription import Subscription, consumer_options
from monitor.stream.sources.waiting import IDLE_COMPLAINT_SECONDS, without_partitions

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
CLOSE_SECONDS = 5.0
CONNECTION_CHECK_SECONDS = 1.0


class Link:
    """Our membership in the group. consumer, rebalances: None while there is no connection.

    hand_over: see `Rebalances`. fencing: another process is in our place; `fence` stops us then.
    lasting: whether the consumer stays in a state that nothing ends. replaced: how many did.
    balanced: asked whether every partition has a member.
    """

    def __init__(self, connection: Connection, subscription: Subscription) -> None:
        self._connection = connection
        self._subscription = subscription
        self.consumer: KafkaConsumer | None = None
        self.hand_over: HandOver = lambda partitions: None
        self.rebalances: Rebalances | None = None
        self._connecting: Future[KafkaConsumer] | None = None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._checked_at = 0.0
        self._reachable = False
        self._idle_since = 0.0
        self.lasting = Lasting()
        self.balanced: Callable[[], bool] = lambda: True
        self.replaced = 0
        self.fencing = False
        self.fenced = False

    @property
    def connected(self) -> bool:
        """True while at least one broker connection is open; looked up once a second."""
        now = time.monotonic()
        if self.consumer is None:
            return False
        if now - self._checked_at >= CONNECTION_CHECK_SECONDS:
            self._checked_at = now
            self._note_reachable(kafka_private.open_connections(self.consumer) > 0)
        return self._reachable

    def _note_reachable(self, reachable: bool) -> None:
        if reachable != self._reachable:
            self._reachable = reachable
            state = "connected" if reachable else "connection lost; trying again"
            log.info(f"kafka {state}", servers=self._connection.servers)

    def connect(self, timeout_seconds: float) -> KafkaConsumer | None:
        """The new consumer, once there is one; waits no longer than the timeout.

        Making a consumer blocks until a broker has answered, so that it happens on a thread.
        """
        if self.fenced:
            time.sleep(timeout_seconds)
            return None
        if self._connecting is None:
            delay = self._retry_at - time.monotonic()
            if delay > 0:
                time.sleep(min(delay, timeout_seconds))
                return None
            options = consumer_options(
                self._connection, self._subscription, self._owned, self._given
            )
            self._connecting = background.start(
                lambda: connect(KafkaConsumer, **options), "kafka-connect"
            )
        wait([self._connecting], timeout_seconds)
        if not self._connecting.done():
            return None
        connecting, self._connecting = self._connecting, None
        try:
            self.consumer = connecting.result()
        except (KafkaError, OSError, ValueError) as error:
            self._back_off(complaint(error), error)
            return None
        # The only way to wait in a callback without stopping the library's network loop.
        self.rebalances = Rebalances(
            kafka_private.loop_sleep(self.consumer),
            lambda partitions: self.hand_over(partitions),
            self._subscription.handover_seconds,
        )
        kafka_private.note_fencing(self.consumer, self._note_fencing)
        kafka_private.pin_commits(self.consumer)
        self.consumer.subscribe([self._subscription.topic], listener=self.rebalances)
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._idle_since = time.monotonic()
        self._note_reachable(True)
        return self.consumer

    def _note_fencing(self) -> None:
        self.fencing = True

    def fence(self) -> None:
        """Read no more, and never join again: we would only throw the other one out."""
        self.fenced = True
        say_fenced(self._subscription)
        self._close_consumer()

    def _owned(self) -> list[TopicPartition]:
        """What to claim when the group is joined: nothing, if it has counted us out meanwhile.

        The library may join anew without telling of the loss, so that it is noted here, too.
        """
        if self.consumer is None or self.rebalances is None:
            return []
        assigned = list(self.consumer.assignment())
        if self.consumer.group_metadata().generation_id < 0:
            self.rebalances.lose(assigned)
            return []
        return assigned

    def _given(self, partitions: list[TopicPartition]) -> None:
        """The group has given us these, and no others."""
        if self.rebalances is not None:
            self.rebalances.give(partitions)

    def go_on_joining(self) -> None:
        """Have a joining finished that has begun; to be called before each poll."""
        if self.consumer is not None:
            kafka_private.finish_joining(self.consumer)

    def complain_without_partitions(self) -> None:
        """Say so now and then while nothing is assigned, and why."""
        now = time.monotonic()
        if (self.consumer and self.consumer.assignment()) or not self._reachable:
            self._idle_since = now
        elif now - self._idle_since >= IDLE_COMPLAINT_SECONDS:
            self._idle_since = now
            topic = self._subscription.topic
            log.warning(
                without_partitions(self._knows(topic), self._joined, self.balanced()),
                topic=topic,
                group=self._subscription.group,
                session_timeout_seconds=self._subscription.session_timeout_seconds,
            )

    def _knows(self, topic: str) -> bool | None:
        """Whether the brokers tell of the topic; None if they do not answer."""
        try:
            return self.consumer is not None and bool(self.consumer.partitions_for_topic(topic))
        except KafkaError:
            return None

    @property
    def _joined(self) -> bool:
        """Whether the group has let us in."""
        return self.consumer is not None and self.consumer.group_metadata().generation_id >= 0

    def _back_off(self, event: str, error: Exception) -> None:
        log.warning(
            event,
            servers=self._connection.servers,
            username=self._connection.security.get("sasl_plain_username"),
            error=f"{type(error).__name__}: {error}",
            retry_seconds=self._retry_seconds,
        )
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def take_lost(self) -> frozenset[Partition]:
        """The partitions lost since the last call."""
        return self.rebalances.take_lost() if self.rebalances else frozenset()

    @property
    def loss_untold(self) -> bool:
        """True if something was lost that `take_lost` has not told."""
        return self.rebalances is not None and self.rebalances.untold

    def reset(self, error: Exception) -> None:
        """Throw the consumer away; another is made after a while."""
        self._close_consumer()
        self._note_reachable(False)
        self._back_off("the kafka consumer failed; making a new one", error)

    def close(self) -> None:
        """Leave the group."""
        if self._connecting is not None:
            self._connecting.add_done_callback(_close_unwanted)
            self._connecting = None
        self._close_consumer()

    def _close_consumer(self) -> None:
        consumer, self.consumer = self.consumer, None
        if self.rebalances is not None:
            self.rebalances.busy = True  # what can be committed is
        if consumer is None:
            return
        milliseconds = int(CLOSE_SECONDS * 1000)
        closing = background.start(
            lambda: consumer.close(autocommit=False, timeout_ms=milliseconds), "kafka-close"
        )
        try:
            self._connection.deadline.result(closing, CLOSE_SECONDS, LEAVE)
        except (KafkaError, TimeoutError) as error:
            log.warning("closing the consumer failed", error=f"{type(error).__name__}: {error}")


def _close_unwanted(connecting: Future[KafkaConsumer]) -> None:
    """Close a consumer that was finished after its source had been closed."""
    if connecting.exception() is None:
        connecting.result().close(autocommit=False, timeout_ms=int(CLOSE_SECONDS * 1000))


def say_fenced(subscription: Subscription) -> None:
    """Name the setting that two processes share."""
    log.error(
        "another process has taken our place in the group: reading stops, until a restart. Two"
        " have the same kafka.instance; give each daemon one of its own",
        instance=subscription.instance,
        group=subscription.group,
    )
