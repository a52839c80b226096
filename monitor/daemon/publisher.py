"""What leaves the daemon: events until they are safe, and offsets with them.

Without transactions, events are flushed and offsets committed after them: a crash in between
repeats events. With transactions, the events since the last checkpoint and the offsets become
visible together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

import structlog

from monitor.errors import SinkError, SinkSlowError, TransactionLostError
from monitor.metrics import Metrics
from monitor.process import failpoints
from monitor.stream.events import Event
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sinks import Sink, TransactionalSink
from monitor.stream.sources import Source

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
SLOW_SECONDS = 0.1
"""Between two looks at an output that is slow: long enough to tend the group."""
Wait = Callable[[float], bool]
"""Waits some seconds; false if there is no time for that."""


class Published(Enum):
    """done; stopped: given up, as we must stop; lost: with it, all since the last commit."""

    DONE = "done"
    STOPPED = "stopped"
    LOST = "lost"


class Publisher:
    """Publishes to a sink and tries again until it takes the events.

    blocked: why it does not take them now; empty if it does.
    """

    transactional = False

    def __init__(self, sink: Sink, metrics: Metrics) -> None:
        self._sink = sink
        self._metrics = metrics
        sink.dropped = lambda kind: metrics.events_dropped.labels(kind).inc()
        self._events: Sequence[Event] = ()
        self._handed_over = False
        self._failure: Exception | None = None
        self._slow = False
        self.blocked = ""

    def publish(self, events: Sequence[Event], wait: Wait) -> Published:
        """Publish until it succeeds, or there is no more time."""
        self.begin(events)
        return self.finish(wait)

    def begin(self, events: Sequence[Event]) -> None:
        """Hand events to the sink; `finish` has to be called before the next ones are."""
        self._events, self._handed_over, self._failure = events, False, None
        try:
            self._hand_over()
        except (SinkError, OSError) as error:
            self._failure = error

    def finish(self, wait: Wait) -> Published:
        """Return once the events are safe; until then try again, as long as there is time."""
        retry_seconds = FIRST_RETRY_SECONDS
        while True:
            try:
                self._flush()
                self.blocked, self._slow = "", False
                return Published.DONE
            except SinkSlowError as error:
                self.blocked = ""
                if not self._slow:
                    log.info("an output is slow; waiting", state=str(error))
                self._slow = True
                if not wait(SLOW_SECONDS):
                    log.warning("stopped before publishing; the records will be read again")
                    return Published.STOPPED
                continue
            except (SinkError, OSError) as error:
                self._metrics.publish_failures.inc()
                if isinstance(error, SinkError) and not error.retryable:
                    raise
                log.warning("publishing failed; trying again", error=str(error))
                self.blocked = f"an output cannot be written: {error}"
                lost = isinstance(error, TransactionLostError)
            if not wait(retry_seconds):
                log.warning("stopped before publishing; the records will be read again")
                return Published.STOPPED
            if lost:
                return Published.LOST
            retry_seconds = min(2 * retry_seconds, LONGEST_RETRY_SECONDS)

    def _hand_over(self) -> None:
        failpoints.reach("sink")
        self._handed_over = True  # whatever comes now: the sink has them
        self._sink.publish(self._events)
        failpoints.reach("events_published")

    def _flush(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        if not self._handed_over:
            self._hand_over()
        self._sink.flush()
        failpoints.reach("events_flushed")

    def commit(self, offsets: Mapping[Partition, Committed], source: Source) -> bool:
        """Store offsets; false if it is not certain that they are stored."""
        return source.commit(offsets)

    def recover(self) -> bool:
        """Whatever was under way has ended, one way or the other; false if it may go on."""
        return True

    def close(self) -> None:
        """Give up what is not safe."""
        self._sink.close()


class TransactionalPublisher(Publisher):
    """Events and offsets in one transaction of Kafka."""

    transactional = True

    def __init__(self, sink: TransactionalSink, metrics: Metrics) -> None:
        super().__init__(sink, metrics)
        self._transactional_sink = sink

    def commit(self, offsets: Mapping[Partition, Committed], source: Source) -> bool:
        """Commit the transaction, with the offsets in it."""
        membership = source.membership()
        if membership is None:
            return False
        try:
            self._transactional_sink.commit(offsets, membership)
        except SinkError as error:
            log.warning("the transaction failed", error=str(error))
            self.blocked = f"the transaction failed: {error}"
            return False
        self.blocked = ""
        return True

    def recover(self) -> bool:
        """End the transaction that is open, or that a process before us left open."""
        try:
            self._transactional_sink.recover()
        except SinkError as error:
            log.warning("the transaction before cannot be ended yet", error=str(error))
            self.blocked = f"the transaction before cannot be ended yet: {error}"
            return False
        return True
