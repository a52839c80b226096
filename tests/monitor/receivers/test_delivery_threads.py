"""Delivering with threads, real servers and kills: bounded, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.metrics import Metrics
from monitor.metrics.requests import RequestMetrics
from monitor.receivers.calls import Endpoint
from monitor.receivers.http import HttpReceiver
from monitor.retraining.deliveries import Delivery
from monitor.retraining.delivery import DeliveryWorkers, Timing
from monitor.retraining.outbox import Outbox
from tests import product
from tests.monitor.receivers.conftest import Serve
from tests.monitor.receivers.servers import Server, Talk, hang, reply
from tests.monitor.retraining.documents import document

WAIT_SECONDS = 20.0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), (0.5,))


def delivery(outbox: Outbox, number: int, name: str) -> Delivery:
    id = document(number)["id"]
    (kept,) = [kept for kept in outbox.listing().requests if kept.id == id]
    return kept.deliveries[name]


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_slow_receiver_holds_up_no_other_and_no_end(
    tmp_path: Path,
    metrics: Metrics,
    serve: Serve,
) -> None:
    slow, quick = serve(hang), serve(reply(202))
    outbox = Outbox(tmp_path / "requests", {"slow": False, "quick": False})
    workers = DeliveryWorkers(
        outbox,
        {
            name: HttpReceiver(Endpoint(server.url, total_seconds=60))
            for name, server in (("slow", slow), ("quick", quick))
        },
        metrics.requests,
    )
    workers.start()
    for number in (1, 2, 3):
        outbox.put(document(number))
    workers.wake()
    until(lambda: len(quick.requests) == 3 and len(slow.requests) == 1)
    begin = time.monotonic()
    assert not workers.stop(0.5)
    assert time.monotonic() - begin < 5
    assert {delivery(outbox, n, "quick").state for n in (1, 2, 3)} == {"delivered"}
    assert delivery(outbox, 1, "slow").state == "waiting"


def test_503_with_retry_after_and_then_200_is_delivered_in_the_end(
    tmp_path: Path,
    metrics: Metrics,
    serve: Serve,
) -> None:
    server = serve(reply(503, Retry_After="1"), reply(200))
    outbox = Outbox(tmp_path / "requests", {"hook": False})
    outbox.put(document())
    receivers = {"hook": HttpReceiver(Endpoint(server.url))}
    workers = DeliveryWorkers(
        outbox, receivers, metrics.requests, Timing(uniform=lambda low, high: 0.0)
    )
    begin = time.time()
    workers.start()
    until(lambda: delivery(outbox, 1, "hook").state == "delivered")
    assert workers.stop()
    assert time.time() - begin >= 1
    assert delivery(outbox, 1, "hook").attempts == 2
    assert len(server.requests) == 2


def daemon(folder: Path, url: str) -> tuple[BaseProcess, Path]:
    """A process that puts a request and, with a url, delivers it; and what it says, as a file."""
    said = folder.with_suffix(".said")
    said.write_text("")
    process = product.context().Process(
        target=put_and_deliver, args=(folder, url, said), daemon=True
    )
    process.start()
    return process, said


def put_and_deliver(folder: Path, url: str, said: Path) -> None:
    outbox = Outbox(folder, {"hook": False})
    outbox.put(document())
    said.write_text("put")
    if not url:
        time.sleep(600)
    metrics = RequestMetrics(CollectorRegistry(), "x")
    workers = DeliveryWorkers(outbox, {"hook": HttpReceiver(Endpoint(url))}, metrics)
    workers.start()
    while not outbox.listing().requests[0].finished:
        time.sleep(0.01)
    assert workers.stop()
    said.write_text("done")


def finish(started: tuple[BaseProcess, Path]) -> str:
    process, said = started
    process.join(60)
    assert process.exitcode is not None
    return said.read_text()


def test_a_kill_between_putting_and_delivering_gives_one_request_in_the_end(
    tmp_path: Path,
    serve: Serve,
) -> None:
    server = serve(reply(202))
    killed, said = daemon(tmp_path / "requests", "")
    until(lambda: said.read_text() == "put")
    killed.kill()
    assert finish((killed, said)) == "put"
    for _ in range(2):
        assert finish(daemon(tmp_path / "requests", server.url)) == "done"
    assert len(server.requests) == 1
    assert delivery(Outbox(tmp_path / "requests"), 1, "hook").state == "delivered"


def test_a_kill_between_delivering_and_noting_it_sends_the_same_id_again(
    tmp_path: Path,
    serve: Serve,
) -> None:
    victims: list[BaseProcess] = []
    started = threading.Event()

    def kill(talk: Talk) -> None:
        assert started.wait(WAIT_SECONDS)
        victims[0].kill()

    server: Server = serve(kill, reply(202))
    first_life = daemon(tmp_path / "requests", server.url)
    victims.append(first_life[0])
    started.set()
    assert finish(first_life) == "put"
    assert finish(daemon(tmp_path / "requests", server.url)) == "done"
    first, second = server.requests
    assert first.body == second.body
    assert len(Outbox(tmp_path / "requests").listing().requests) == 1
