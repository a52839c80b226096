"""Events on their way: what has arrived stays, and only the rest is sent again.

Both clients send through this. An output that is slow is waited for, as long as something
arrives; one from which nothing comes gets a new producer, which begins at the bootstrap servers and
makes the topics again that are gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import structlog

from monitor.errors import SinkError, SinkSlowError
from monitor.process import background
from monitor.process.deadline import WORK
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks.fitting import essential, fit, size_of, without_value
from monitor.stream.sinks.topics import SETTINGS, Topics

log = structlog.get_logger(__name__)

DELIVERY_SECONDS: Final = 10.0
"""Longest time without an arrival, for small events."""
SLOWEST_BYTES_PER_SECOND: Final = 50_000
"""Large events are given so much more time."""
LONGEST_SECONDS: Final = 900.0
"""No event waits longer in a client; it is we who give up before."""
WINDOW_BYTES: Final = 8 * 2**20
"""Most bytes under way at once, but for one event that is larger."""
SLICE_SECONDS: Final = 2.0
"""So long a flush waits at once: the group wants to be tended meanwhile."""


class State(Enum):
    """Where an event is. careful: to be sent alone, since its batch was refused as too large."""

    WAITING = "waiting"
    CAREFUL = "careful"
    SENT = "sent"
    ARRIVED = "arrived"


@dataclass(slots=True, eq=False)
class Delivery:
    """An event, as it is sent. alone: nothing else was under way with it."""

    event: Event
    bytes: int
    state: State = State.WAITING
    alone: bool = False
    handle: Any = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event did not arrive. too_large: for its topic."""

    text: str
    too_large: bool = False


def allowed_seconds(largest_bytes: int) -> float:
    """Longest time without an arrival while events of this size are under way."""
    return DELIVERY_SECONDS + 2 * largest_bytes / SLOWEST_BYTES_PER_SECOND


class Deliveries:
    """A sink with acknowledgements; a subclass speaks to one client.

    dropped: called with the kind of an event that was dropped (`Topics.drop_refused`).
    """

    def __init__(
        self, connection: Connection, topics: Topics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._clock = clock
        self._producer: Any = None
        self._pending: list[Delivery] = []
        self._arrived_at = 0.0
        self._refusals: Mapping[str, str] = {}
        self.dropped: Callable[[str], None] = lambda kind: None

    # What a subclass brings.

    def _connect(self) -> Any:
        """Make the topics and a producer. Raises one of `_errors`."""
        raise NotImplementedError

    def _send(self, delivery: Delivery) -> None:
        """Hand one event to the producer. Raises one of `_errors`."""
        raise NotImplementedError

    def _serve(self, seconds: float) -> None:
        """Wait for something to happen to what is under way."""
        raise NotImplementedError

    def _outcome(self, delivery: Delivery) -> Failure | bool:
        """True if it has arrived, False if it is under way."""
        raise NotImplementedError

    def _throw_away(self, producer: Any) -> None:
        """End a producer, with what is under way; returns at once."""
        raise NotImplementedError

    _errors: tuple[type[Exception], ...] = (OSError,)

    def publish(self, events: Iterable[Event]) -> None:
        """Take events over. Raises SinkError(retryable) if they cannot be sent now: `flush`."""
        for event in events:
            fitting = self._fitting(event)
            self._pending.append(Delivery(fitting, size_of(fitting)))
        self._arrived_at = self._clock()
        self._send_more()

    def _fitting(self, event: Event) -> Event:
        return fit(event, self._topics.max_message_bytes)

    def flush(self) -> None:
        """Return when all has arrived. Raises SinkSlowError while it is under way, and
        SinkError(retryable) if something is in the way; what has arrived is not sent again.
        """
        until = self._clock() + SLICE_SECONDS
        while True:
            self._send_more()
            self._settle()
            if all(delivery.state is State.ARRIVED for delivery in self._pending):
                self._pending.clear()
                return
            now = self._clock()
            self._give_up_if_stuck(now)
            if now >= until:
                arrived = sum(delivery.state is State.ARRIVED for delivery in self._pending)
                raise SinkSlowError(f"{arrived} of {len(self._pending)} messages have arrived")
            under_way = [d.event.kind for d in self._pending if d.state is State.SENT]
            try:
                if under_way:
                    self._serve(min(0.1, until - now))
            except self._errors as error:  # final for the producer
                raise self._failed(under_way[0], self._described(error)) from error

    def close(self) -> None:
        """Give up what has not arrived."""
        self._pending.clear()
        self._discard()

    def _send_more(self) -> None:
        """Send as much as may be under way at once, in order; what was refused, alone."""
        under_way = [d for d in self._pending if d.state is State.SENT]
        room = WINDOW_BYTES - sum(delivery.bytes for delivery in under_way)
        count = len(under_way)
        for delivery in self._pending:
            careful = delivery.state is State.CAREFUL
            if not careful and delivery.state is not State.WAITING:
                continue
            if count and (careful or delivery.bytes > room or (under_way and under_way[0].alone)):
                break
            delivery.alone = careful
            self._hand_over(delivery)
            if not count:  # nothing was to arrive until now, however long that was
                self._arrived_at = self._clock()
            room, count = room - delivery.bytes, count + 1
            if careful:
                break

    def _hand_over(self, delivery: Delivery) -> None:
        try:
            if self._producer is None:
                self._producer = self._connected()
            self._send(delivery)
        except self._errors as error:
            self._before_failing()
            raise self._failed(delivery.event.kind, self._described(error)) from error
        delivery.state = State.SENT

    def _before_failing(self) -> None:
        """Called before a failure to send is told: a subclass may know a better reason."""

    def _connected(self) -> Any:
        """A producer. Making one may take half a minute: given up when we must stop."""
        connecting = background.start(self._connect, "kafka-connect")
        try:
            return self._connection.deadline.result(connecting, float("inf"), WORK)
        except TimeoutError:
            connecting.add_done_callback(self._unwanted)
            raise

    def _unwanted(self, connecting: Future[Any]) -> None:
        if connecting.exception() is None:
            self._throw_away(connecting.result())

    def _discard(self) -> None:
        """Throw the producer away, with what is under way."""
        producer, self._producer = self._producer, None
        if producer is not None:
            self._throw_away(producer)

    def _described(self, error: Exception) -> str:
        return f"{type(error).__name__}: {error}"

    def _settle(self) -> None:
        """Note what has arrived, and what has not."""
        refused: list[Delivery] = []
        failed: list[tuple[Delivery, Failure]] = []
        for delivery in self._pending:
            if delivery.state is not State.SENT:
                continue
            outcome = self._outcome(delivery)
            if outcome is False:
                continue
            if outcome is True:
                delivery.state = State.ARRIVED
                self._arrived_at = self._clock()
            elif isinstance(outcome, Failure) and outcome.too_large:
                refused.append(delivery)
            elif isinstance(outcome, Failure):
                failed.append((delivery, outcome))
        for delivery, _ in failed:
            self._again(delivery)
        self._too_large(refused)
        if failed:
            delivery, failure = failed[0]
            raise self._failed(delivery.event.kind, failure.text)

    def _again(self, delivery: Delivery) -> None:
        """To be sent once more; of alerts, those after it too: the last one must be the newest."""
        delivery.state = State.WAITING
        if delivery.event.kind == "alert":
            later = self._pending[self._pending.index(delivery) :]
            for other in later:
                if other.event.kind == "alert" and other.state is State.ARRIVED:
                    other.state = State.WAITING

    def _too_large(self, refused: list[Delivery]) -> None:
        """A whole batch is refused for one message in it: each alone, then without its value."""
        for delivery in refused:
            if not delivery.alone:
                delivery.state = State.CAREFUL
                continue
            small = essential(without_value(delivery.event))
            if small == delivery.event:
                self._refuse(delivery)
                continue
            log.warning(
                "a message larger than its topic takes is published without its value",
                topic=self._topics.names[small.kind],
                bytes=delivery.bytes,
            )
            delivery.event, delivery.bytes = small, size_of(small)
            delivery.state = State.CAREFUL
            self._arrived_at = self._clock()

    def _refuse(self, delivery: Delivery) -> None:
        """Its topic takes it in no form: what the user wants then."""
        delivery.state = State.CAREFUL
        text = (
            f"it refuses even a message of {delivery.bytes} bytes without a value. Raise its"
            " max.message.bytes, or set outputs.refused to drop"
        )
        if not self._topics.drop_refused:
            raise self._failed(delivery.event.kind, text)
        log.error(
            "a message was dropped: its topic takes it in no form",
            topic=self._topics.names[delivery.event.kind],
            key=delivery.event.identity.decode(errors="replace"),
            bytes=delivery.bytes,
        )
        delivery.state = State.ARRIVED
        self.dropped(delivery.event.kind)

    def _give_up_if_stuck(self, now: float) -> None:
        """A producer from which nothing comes is thrown away: its brokers may have moved."""
        under_way = [d for d in self._pending if d.state is State.SENT]
        if not under_way:
            return
        longest = allowed_seconds(max(delivery.bytes for delivery in under_way))
        if now - self._arrived_at < longest:
            return
        error = self._failed(under_way[0].event.kind, f"nothing arrived for {longest:.0f} s")
        raise error

    def _failed(self, kind: str, text: str) -> SinkError:
        """The producer is thrown away: the next one begins anew. Says which output, and why."""
        topic = self._topics.names.get(kind, "")
        why = self._refusals.get(topic) or text
        for delivery in self._pending:
            if delivery.state is State.SENT:
                self._again(delivery)
        self._discard()
        self._arrived_at = self._clock()
        return SinkError(f"{SETTINGS[kind]}: topic {topic}: {why}", retryable=True)
