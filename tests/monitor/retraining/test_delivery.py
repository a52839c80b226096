"""Delivering retraining requests: when, how often, what ends it, and that nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import ReceiverError
from monitor.metrics import Metrics
from monitor.receivers import Receiver
from monitor.retraining.deliveries import Delivery
from monitor.retraining.delivery import (
    LOOK_SECONDS,
    TROUBLE_SECONDS,
    DeliveryWorkers,
    Timing,
    Worker,
)
from monitor.retraining.outbox import Outbox
from tests.monitor.retraining.documents import document

NOON = 1_772_366_400.0


class Clock:
    """A clock that a test moves, and random numbers that are the largest there may be."""

    def __init__(self) -> None:
        self.now = NOON
        self.limits: list[float] = []

    def uniform(self, low: float, high: float) -> float:
        assert low == 0
        self.limits.append(high)
        return high

    @property
    def timing(self) -> Timing:
        return Timing(now=lambda: self.now, uniform=self.uniform)


class Scripted:
    """Answers in turn, the last for ever: text, or an error. taken: ids that came."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)
        self.taken: list[str] = []

    def deliver(self, document: dict[str, Any]) -> str:
        self.taken.append(document["id"])
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        document.pop("links").clear()
        return answer

    def close(self) -> None:
        pass


LATER = ReceiverError("HTTP 503", retryable=True)
NEVER = ReceiverError("HTTP 403", retryable=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), (0.5,))


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Outbox:
    return Outbox(tmp_path / "requests", {"trainer": True}, now=lambda: clock.now)


@pytest.fixture
def worker(outbox: Outbox, metrics: Metrics, clock: Clock) -> Callable[..., Worker]:
    def make(receiver: Receiver) -> Worker:
        metrics.requests.follow(["trainer"])
        return Worker("trainer", receiver, outbox, metrics.requests, clock.timing)

    return make


def delivery(outbox: Outbox, number: int = 1, name: str = "trainer") -> Delivery:
    id = document(number)["id"]
    (kept,) = [kept for kept in outbox.listing().requests if kept.id == id]
    return kept.deliveries[name]


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"aead_monitor_{name}", labels)


def test_what_was_taken_is_never_sent_again(
    outbox: Outbox, worker: Callable[..., Worker], metrics: Metrics
) -> None:
    receiver = Scripted("HTTP 202 Accepted")
    subject = worker(receiver)
    outbox.put(document())
    assert [subject.step(), subject.step()] == [0.0, LOOK_SECONDS]
    assert receiver.taken == [document()["id"]]
    assert delivery(outbox) == Delivery("delivered", 1, 0.0, "", NOON, "HTTP 202 Accepted")
    assert value(metrics, "request_deliveries_total", receiver="trainer", result="delivered") == 1
    assert value(metrics, "requests_oldest_seconds", receiver="trainer") == 0
    (kept,) = outbox.listing().requests
    assert kept.document == document(), "what a receiver does to its copy changes nothing here"


def test_the_pause_between_attempts_doubles_from_1_to_300_seconds_at_most(
    outbox: Outbox, worker: Callable[..., Worker], clock: Clock, metrics: Metrics
) -> None:
    receiver = Scripted(LATER)
    subject = worker(receiver)
    outbox.put(document())
    for attempt in range(1, 13):
        assert subject.step() == 0.0
        assert len(receiver.taken) == attempt
        pause = min(300.0, 2.0 ** (attempt - 1))
        assert delivery(outbox).next_attempt == clock.now + pause
        clock.now += pause - 0.001
        assert subject.step() == LOOK_SECONDS, "not before its time"
        clock.now += 0.002
    assert clock.limits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert delivery(outbox).attempts == 12
    assert delivery(outbox).last_error == "HTTP 503"
    assert value(metrics, "request_deliveries_total", receiver="trainer", result="failed") == 12
    assert value(metrics, "requests_oldest_seconds", receiver="trainer") == pytest.approx(
        clock.now - NOON, abs=0.01
    )


@pytest.mark.parametrize(("asked", "pause"), [(60.0, 60.0), (0.5, 1.0), (90_000.0, 3600.0)])
def test_a_receiver_may_ask_for_a_longer_pause_up_to_an_hour(
    outbox: Outbox, worker: Callable[..., Worker], asked: float, pause: float
) -> None:
    busy = ReceiverError("HTTP 429", retryable=True, retry_after=asked)
    outbox.put(document())
    worker(Scripted(busy)).step()
    assert delivery(outbox).next_attempt == NOON + pause


def test_a_clock_that_was_set_back_puts_nothing_off(
    outbox: Outbox, worker: Callable[..., Worker], clock: Clock
) -> None:
    receiver = Scripted(LATER, "HTTP 202")
    subject = worker(receiver)
    outbox.put(document())
    subject.step()
    clock.now -= 86_400
    subject.step()
    assert delivery(outbox).state == "delivered"


def test_a_refusal_parks_it_until_a_person_says_retry(
    outbox: Outbox, worker: Callable[..., Worker], clock: Clock, metrics: Metrics
) -> None:
    receiver = Scripted(NEVER, "HTTP 202")
    subject = worker(receiver)
    outbox.put(document())
    subject.step()
    assert delivery(outbox) == Delivery("parked", 1, 0.0, "HTTP 403")
    clock.now += 10 * 86_400
    assert subject.step() == LOOK_SECONDS
    assert len(receiver.taken) == 1
    assert value(metrics, "requests_open", receiver="trainer", state="parked") == 1
    assert value(metrics, "request_deliveries_total", receiver="trainer", result="parked") == 1
    assert value(metrics, "requests_oldest_seconds", receiver="trainer") == 10 * 86_400
    outbox.change(document()["id"], ("trainer",), Delivery.retried)
    subject.step()
    assert delivery(outbox).state == "delivered"
    assert delivery(outbox).attempts == 2


def test_what_waits_for_a_person_is_not_delivered(
    outbox: Outbox, worker: Callable[..., Worker], metrics: Metrics
) -> None:
    receiver = Scripted("HTTP 202")
    subject = worker(receiver)
    outbox.put(document(policy="suggest"))
    assert subject.step() == LOOK_SECONDS
    assert value(metrics, "requests_open", receiver="trainer", state="held") == 1
    assert not receiver.taken
    outbox.change(document()["id"], ("trainer",), Delivery.retried)
    subject.step()
    assert receiver.taken == [document()["id"]]


def test_what_a_person_acknowledged_is_not_delivered(
    outbox: Outbox, worker: Callable[..., Worker]
) -> None:
    receiver = Scripted("HTTP 202")
    outbox.put(document())
    outbox.change(document()["id"], ("trainer",), Delivery.acknowledged)
    assert worker(receiver).step() == LOOK_SECONDS
    assert not receiver.taken


@pytest.mark.parametrize(
    ("answer", "state"),
    [("HTTP 202", "delivered"), (LATER, "acknowledged"), (NEVER, "acknowledged")],
)
def test_an_acknowledgement_while_it_is_sent_holds_unless_it_was_taken(
    outbox: Outbox, worker: Callable[..., Worker], answer: str | Exception, state: str
) -> None:
    class Interrupted(Scripted):
        def deliver(self, document: dict[str, Any]) -> str:
            outbox.change(document["id"], ("trainer",), Delivery.acknowledged)
            return super().deliver(document)

    outbox.put(document())
    worker(Interrupted(answer)).step()
    assert delivery(outbox).state == state


def test_a_request_that_fails_keeps_no_other_back(
    outbox: Outbox, worker: Callable[..., Worker]
) -> None:
    receiver = Scripted(LATER, "HTTP 202")
    subject = worker(receiver)
    for number in (1, 2):
        outbox.put(document(number))
    while subject.step() == 0.0:
        pass
    assert sorted(delivery(outbox, number).state for number in (1, 2)) == ["delivered", "waiting"]


@pytest.mark.parametrize("fate", ["removed", "damaged"])
def test_a_request_that_is_lost_while_it_is_sent_keeps_no_other_back(
    outbox: Outbox, worker: Callable[..., Worker], fate: str
) -> None:
    class Careless(Scripted):
        def deliver(self, document: dict[str, Any]) -> str:
            file = outbox.folder / f"{document['id']}.json"
            if not self.taken:
                file.unlink() if fate == "removed" else file.write_text("{")
            return super().deliver(document)

    receiver = Careless("HTTP 202")
    subject = worker(receiver)
    for number in (1, 2):
        outbox.put(document(number))
    assert [subject.step() for _ in range(3)] == [0.0, 0.0, LOOK_SECONDS]
    assert len(receiver.taken) == 2
    assert [kept.finished for kept in outbox.listing().requests] == [True]


def test_an_error_that_nobody_thought_of_is_tried_again_and_told_without_its_words(
    outbox: Outbox, worker: Callable[..., Worker]
) -> None:
    outbox.put(document())
    worker(Scripted(RuntimeError("s3cret"))).step()
    assert delivery(outbox).state == "waiting"
    assert delivery(outbox).last_error == "unexpected RuntimeError"


def test_what_was_taken_is_not_sent_again_while_the_disk_is_full(
    outbox: Outbox, worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Scripted("HTTP 202")
    subject = worker(receiver)
    outbox.put(document())

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert [subject.step(), subject.step()] == [TROUBLE_SECONDS, TROUBLE_SECONDS]
    assert subject.step() == LOOK_SECONDS
    assert delivery(outbox).state == "delivered"
    assert len(receiver.taken) == 1


def test_a_delivery_that_never_started_can_be_stopped(outbox: Outbox, metrics: Metrics) -> None:
    assert DeliveryWorkers(outbox, {"trainer": Scripted("")}, metrics.requests).stop()


def test_nothing_is_delivered_while_muted_and_all_of_it_after(
    outbox: Outbox, metrics: Metrics, clock: Clock
) -> None:
    receiver, muted = Scripted("HTTP 202"), [True]
    metrics.requests.follow(["trainer"])
    subject = Worker("trainer", receiver, outbox, metrics.requests, clock.timing, lambda: muted[0])
    outbox.put(document())
    assert subject.step() == LOOK_SECONDS
    assert receiver.taken == []
    assert value(metrics, "requests_open", receiver="trainer", state="waiting") == 1
    muted[0] = False
    assert subject.step() == 0.0
    assert receiver.taken == [document()["id"]]
