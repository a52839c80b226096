"""Delivers retraining requests: one thread a receiver, so that a slow one holds up no other.

A delivery that fails is tried again after a random time between 0 and a limit that doubles from
1 s to 300 s ("full jitter"), or after what the receiver asks for, up to an hour. It is noted as
done after the receiver has taken it: a crash between the two sends it again, with the same id.
"""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from monitor.errors import ReceiverError
from monitor.process import background
from monitor.receivers import Receiver
from monitor.retraining.deliveries import LONGEST_WAIT_SECONDS, Delivery, Kept, short
from monitor.retraining.outbox import Outbox

log = structlog.get_logger(__name__)

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 1.0
"""The folder is looked at so often: the command line changes it without telling us."""
TROUBLE_SECONDS: Final = 5.0


def _wait(event: threading.Event, seconds: float) -> None:
    event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Timing:
    """now: seconds since the epoch. uniform: a random number between two. wait: for an event."""

    now: Callable[[], float] = time.time
    uniform: Callable[[float, float], float] = random.uniform
    wait: Callable[[threading.Event, float], None] = _wait

    def pause(self, attempts: int, retry_after: float | None) -> float:
        """Seconds until the next attempt. attempts: those that failed, at least 1."""
        limit = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempts - 1, 30))
        asked = min(retry_after or 0.0, LONGEST_WAIT_SECONDS)
        return max(asked, self.uniform(0.0, limit))


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of an attempt, until it is written down."""

    request: str
    name: str
    change: Callable[[Delivery], Delivery]


class DeliveryMetrics(Protocol):
    """What is shown of deliveries, by the receiver's name."""

    def follow(self, receivers: Iterable[str]) -> None:
        """Begin to show these receivers."""

    def count(self, receiver: str, result: str) -> None:
        """Count an attempt: delivered, failed or parked."""

    def show(self, receiver: str, requests: Iterable[Kept], now: float) -> None:
        """Show what waits for a receiver. now: seconds since the epoch."""


class Worker:
    """Delivers what is due to one receiver. paused: whether nothing may be delivered now."""

    def __init__(
        self,
        name: str,
        receiver: Receiver,
        outbox: Outbox,
        metrics: DeliveryMetrics,
        timing: Timing,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = name
        self.receiver = receiver
        self._outbox = outbox
        self._metrics = metrics
        self._timing = timing
        self._paused = paused
        self._unwritten: _Result | None = None

    def step(self) -> float:
        """Make at most one attempt; returns the seconds until the next step is of use."""
        try:
            self._write_down()
            requests = self._outbox.listing().requests
            now = self._timing.now()
            self._metrics.show(self.name, requests, now)
            due = None if self._paused() else _due(requests, self.name, now)
            if due is None:
                return LOOK_SECONDS
            self._unwritten = self._attempt(due)
            self._write_down()
        except OSError as error:
            # What was delivered stays in mind: it is not sent again when the disk is full.
            log.warning("the folder of requests cannot be used; trying again", error=str(error))
            return TROUBLE_SECONDS
        return 0.0

    def _write_down(self) -> None:
        result = self._unwritten
        if result is None:
            return
        try:
            self._outbox.change(result.request, (result.name,), result.change)
        except (KeyError, ValueError):
            # Nothing will be sent for it again, and it must not keep others back.
            log.warning(
                "a request was removed or damaged while it was delivered", request=result.request
            )
        self._unwritten = None

    def _attempt(self, kept: Kept) -> _Result:
        document: dict[str, Any] = copy.deepcopy(dict(kept.document))
        attempts = kept.deliveries[self.name].attempts + 1
        try:
            answer = self.receiver.deliver(document)
        except ReceiverError as error:
            return self._failed(kept.id, attempts, error)
        except Exception as error:
            log.exception("a receiver failed in an unexpected way", receiver=self.name)
            unexpected = ReceiverError(f"unexpected {type(error).__name__}", retryable=True)
            return self._failed(kept.id, attempts, unexpected)
        now = self._timing.now()
        self._metrics.count(self.name, "delivered")
        log.info("request delivered", request=kept.id, receiver=self.name, answer=short(answer))
        return _Result(kept.id, self.name, lambda delivery: delivery.delivered(answer, now))

    def _failed(self, request: str, attempts: int, error: ReceiverError) -> _Result:
        text, when = str(error), None
        said = {"request": request, "receiver": self.name, "error": short(text)}
        if error.retryable:
            pause = self._timing.pause(attempts, error.retry_after)
            when = self._timing.now() + pause
            log.warning("request not delivered; trying again", seconds=round(pause, 1), **said)
        else:
            log.error(
                f"request refused for good; `aead-monitor requests retry {request}` tries again",
                **said,
            )
        self._metrics.count(self.name, "parked" if when is None else "failed")
        return _Result(request, self.name, lambda delivery: delivery.failed(text, when))


def _due(requests: tuple[Kept, ...], name: str, now: float) -> Kept | None:
    """The request that has been due for longest."""
    due = [kept for kept in requests if name in kept.deliveries and kept.deliveries[name].due(now)]
    return min(
        due, key=lambda kept: (kept.deliveries[name].next_attempt, kept.created), default=None
    )


class DeliveryWorkers:
    """Delivers from `start` to `stop`, but while it is paused: asked from the workers' threads."""

    def __init__(
        self,
        outbox: Outbox,
        receivers: Mapping[str, Receiver],
        metrics: DeliveryMetrics,
        timing: Timing | None = None,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._timing = timing or Timing()
        self._stopping = threading.Event()
        metrics.follow(receivers)
        self._workers = [
            Worker(name, receiver, outbox, metrics, self._timing, paused)
            for name, receiver in receivers.items()
        ]
        self._wakes = {name: threading.Event() for name in receivers}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to deliver what waits."""
        for worker in self._workers:
            thread = threading.Thread(
                target=self._work, args=(worker,), name=f"receiver-{worker.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """A request was put into the outbox: look at once."""
        for event in self._wakes.values():
            event.set()

    def stop(self, seconds: float = 5.0) -> bool:
        """Stop within this time; returns whether all deliveries under way came to an end.

        One that did not is abandoned: it is made again after the next start.
        """
        deadline = time.monotonic() + seconds
        self._stopping.set()
        self.wake()
        closing = [
            background.start(worker.receiver.close, f"close-{worker.name}")
            for worker in self._workers
        ]
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        closed = wait(closing, max(0.0, deadline - time.monotonic()))
        ended = not closed.not_done and not any(thread.is_alive() for thread in self._threads)
        if not ended:
            log.warning("a delivery under way was abandoned")
        return ended

    def _work(self, worker: Worker) -> None:
        wake = self._wakes[worker.name]
        while not self._stopping.is_set():
            wake.clear()
            try:
                seconds = worker.step()
            except Exception:
                # A thread that dies here would keep all later requests from this receiver.
                log.exception("delivering failed in an unexpected way", receiver=worker.name)
                seconds = TROUBLE_SECONDS
            if seconds > 0 and not self._stopping.is_set():
                self._timing.wait(wake, seconds)
