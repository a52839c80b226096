"""The consumer of a source: made when needed, thrown away when it fails, watched meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from monitor.process import background
from monitor.process.deadline import LEAVE
from monitor.stream.kafka_options import Connection, complaint
from monitor.stream.oauth import TokenError
from monitor.stream.records import Partition
from monitor.stream.sources.confluent.group_offsets import is_fenced
from monitor.stream.sources.confluent.places import HandOver, Places, Settle
from monitor.stream.sources.confluent.settings import consumer_settings
from monitor.stream.sources.lasting import Lasting
from monitor.stream.sources.link import say_fenced
from monitor.stream.sources.subscription import Subscription
from monitor.stream.sources.waiting import IDLE_COMPLAINT_SECONDS, without_partitions

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS: Final = 0.5
LONGEST_RETRY_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0
TOPIC_SECONDS: Final = 2.0
TELLING: Final = {
    KafkaError._AUTHENTICATION: (
        "the broker refused the login; trying again. Check the section kafka.sasl"
    ),
    KafkaError._SSL: (
        "the broker's certificate is not trusted; trying again. Check kafka.tls.ca_file"
    ),
}
"""What to write into the log for errors that say why no broker can be used."""
UNREACHABLE: Final = "kafka cannot be reached; trying again"


class Link:
    """Our membership in the group. consumer, places: None while there is no consumer.

    A consumer that has not reached a broker yet is thrown away when it has tried them all; one
    that has looks for its brokers by itself. fencing, lasting, balanced, replaced: as in the
    other client's.
    """

    def __init__(self, connection: Connection, subscription: Subscription) -> None:
        self._connection = connection
        self._subscription = subscription
        self.consumer: Any = None
        self.places: Places | None = None
        self.hand_over: HandOver = lambda partitions: None
        self.settle: Settle = lambda seconds: None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._reached = False
        self._reason: KafkaError | None = None
        self._failure: KafkaError | None = None
        self._idle_since = 0.0
        self._said: dict[str, float] = {}
        self._joined = False
        self.connected = False
        self.lasting = Lasting()
        self.balanced: Callable[[], bool] = lambda: True
        self.replaced = 0
        self.fencing = False
        self.fenced = False

    def fence(self) -> None:
        """Read no more, and never join again: we would only throw the other one out."""
        self.fenced = True
        say_fenced(self._subscription)
        self._close_consumer()

    def connect(self, timeout_seconds: float) -> Any:
        """The consumer; None while the last one's failure is too fresh, for up to the timeout."""
        if self.consumer is not None:
            return self.consumer
        if self.fenced:
            time.sleep(timeout_seconds)
            return None
        delay = self._retry_at - time.monotonic()
        if delay > 0:
            time.sleep(min(delay, timeout_seconds))
            return None
        try:
            settings = consumer_settings(self._connection, self._subscription)
        except TokenError as error:
            self._back_off(complaint(error), str(error))
            return None
        self._reached = False
        self._reason = self._failure = None
        self._idle_since = time.monotonic()
        self.places = Places(
            self._subscription.eager,
            lambda partitions: self.hand_over(partitions),
            lambda seconds: self.settle(seconds),
            self._subscription.handover_seconds,
        )
        self.consumer = Consumer(settings | {"error_cb": self._error, "stats_cb": self._statistics})
        self.places.subscribe(self.consumer, self._subscription.topic)
        return self.consumer

    def _error(self, error: KafkaError) -> None:
        """Called with what goes wrong with brokers, and with what is final for the consumer."""
        if is_fenced(error):
            self.fencing = True
        elif error.fatal():
            self._failure = error
        elif error.code() in TELLING:
            self._reason = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            if self._reason is not None or not self._reached:
                self._failure = self._reason or error
        elif not self._reached and self._reason is None:
            self._reason = error

    def _statistics(self, text: str) -> None:
        """Called each second: the only place that tells which brokers are connected now, and
        whether the group has let us in.
        """
        told = json.loads(text)
        self._joined = told.get("cgrp", {}).get("join_state") == "steady"
        brokers = told["brokers"].values()
        self._note_reachable(any(broker["state"] == "UP" for broker in brokers))

    def arrived(self) -> None:
        """Something came from a broker; it counts until statistics have shown one."""
        if not self._reached:
            self._note_reachable(True)

    def _note_reachable(self, reachable: bool) -> None:
        if reachable:
            self._reached, self._reason = True, None
            self._retry_seconds = FIRST_RETRY_SECONDS
        if reachable != self.connected:
            self.connected = reachable
            state = "connected" if reachable else "connection lost; trying again"
            log.info(f"kafka {state}", servers=self._connection.servers)

    def fail(self, error: KafkaException) -> None:
        """Note an exception of the consumer's: it is final for it."""
        self._failure = self._failure or error.args[0]
        self.fencing = self.fencing or is_fenced(self._failure)

    @property
    def failing(self) -> bool:
        """True if the consumer has failed and was not thrown away yet."""
        return self._failure is not None or self.fencing

    def failed(self) -> bool:
        """Throw the consumer away if it has failed; true if it had."""
        if self._failure is None:
            return False
        self.reset(self._failure)
        return True

    def reset(self, error: KafkaError) -> None:
        """Throw the consumer away; another is made after a while."""
        event = "the kafka consumer failed; making a new one"
        if error.code() in TELLING or not self._reached:
            event = TELLING.get(error.code(), UNREACHABLE)
        self._close_consumer()
        self._note_reachable(False)
        self._back_off(event, f"{error.name()}: {error.str()}")

    def _back_off(self, event: str, error: str) -> None:
        log.warning(
            event,
            servers=self._connection.servers,
            username=self._connection.security.get("sasl_plain_username"),
            error=error,
            retry_seconds=self._retry_seconds,
        )
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def complain(self, errors: list[KafkaError]) -> None:
        """Say what librdkafka says, the same thing now and then only, and if nothing is ours."""
        for error in errors:
            if is_fenced(error):
                self.fencing = True
            elif error.fatal():
                self._failure = error
            elif self._is_new(error.str()):
                log.warning("kafka refuses something", error=f"{error.name()}: {error.str()}")
        now = time.monotonic()
        if (self.places is not None and self.places.owned) or not self.connected:
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
            found = self.consumer.list_topics(topic, timeout=TOPIC_SECONDS).topics.get(topic)
        except KafkaException:
            return None
        return found is not None and bool(found.partitions)

    def _is_new(self, text: str) -> bool:
        now = time.monotonic()
        self._said = {t: at for t, at in self._said.items() if now - at < IDLE_COMPLAINT_SECONDS}
        return self._said.setdefault(text, now) == now

    def take_lost(self) -> frozenset[Partition]:
        """The partitions lost since the last call."""
        return self.places.take_lost() if self.places else frozenset()

    def close(self) -> None:
        """Leave the group."""
        self._close_consumer()

    def _close_consumer(self) -> None:
        consumer, self.consumer = self.consumer, None
        if self.places is not None:
            self.places.busy = True  # what can be committed is
        if consumer is None:
            return
        closing = background.start(consumer.close, "kafka-close")
        try:
            self._connection.deadline.result(closing, CLOSE_SECONDS, LEAVE)
        except (KafkaException, TimeoutError) as error:
            log.warning("closing the consumer failed", error=f"{type(error).__name__}: {error}")
