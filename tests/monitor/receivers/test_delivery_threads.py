"""Delivering with threads, real servers and kills: bounded, and nothing is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.metrics import Metrics
from monitor.receivers.calls import Endpoint
from monitor.receivers.http import HttpReceiver
from monitor.retraining.deliveries import Delivery
from monitor.retraining.delivery import DeliveryWorkers, Timing
from monitor.retraining.outbox import Outbox
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


DAEMON = """
import sys, time
from pathlib import Path
from prometheus_client import CollectorRegistry
from monitor.retraining.delivery import DeliveryWorkers
from monitor.retraining.outbox import Outbox
from monitor.receivers.calls import Endpoint
from monitor.receivers.http import HttpReceiver
from monitor.metrics.requests import RequestMetrics
from tests.monitor.retraining.documents import document

folder, url = sys.argv[1:]
outbox = Outbox(Path(folder), {"hook": False})
outbox.put(document())
print("put", flush=True)
if url:
    metrics = RequestMetrics(CollectorRegistry(), "x")
    workers = DeliveryWorkers(outbox, {"hook": HttpReceiver(Endpoint(url))}, metrics)
    workers.start()
    while not outbox.listing().requests[0].finished:
        time.sleep(0.01)
    assert workers.stop()
    print("done", flush=True)
else:
    time.sleep(600)
"""


def daemon(folder: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(folder), url], stdout=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    return output


def test_a_kill_between_putting_and_delivering_gives_one_request_in_the_end(
    tmp_path: Path,
    serve: Serve,
) -> None:
    server = serve(reply(202))
    killed = daemon(tmp_path / "requests", "")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "put\n"
    killed.send_signal(signal.SIGKILL)
    finish(killed)
    for _ in range(2):
        assert "done" in finish(daemon(tmp_path / "requests", server.url))
    assert len(server.requests) == 1
    assert delivery(Outbox(tmp_path / "requests"), 1, "hook").state == "delivered"


def test_a_kill_between_delivering_and_noting_it_sends_the_same_id_again(
    tmp_path: Path,
    serve: Serve,
) -> None:
    victims: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill(talk: Talk) -> None:
        assert started.wait(WAIT_SECONDS)
        victims[0].send_signal(signal.SIGKILL)

    server: Server = serve(kill, reply(202))
    victims.append(daemon(tmp_path / "requests", server.url))
    started.set()
    assert "done" not in finish(victims[0])
    assert "done" in finish(daemon(tmp_path / "requests", server.url))
    first, second = server.requests
    assert first.body == second.body
    assert len(Outbox(tmp_path / "requests").listing().requests) == 1
