"""The web server: what it answers, and to whom."""

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from monitor.errors import ConfigError
from monitor.ledger import Totals
from monitor.metrics import Metrics
from monitor.records import Partition
from monitor.status import StatusBoard
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.monitor.builders import pipeline, records


@pytest.fixture
def board() -> StatusBoard:
    return StatusBoard(about={"version": "1", "topic": "in"})


@pytest.fixture
def client(board: StatusBoard) -> TestClient:
    metrics = Metrics(CollectorRegistry(), (0.5,))
    return TestClient(build_app(metrics.registry, lambda: board.published))


TOTALS = {Partition("in", 0): Totals(2, scored=2, rows=2, anomalous=1)}


def publish(board: StatusBoard, ready: bool) -> None:
    outcome = pipeline().step(records([1.0, 1e6]))
    board.count(outcome)
    board.remember(1.0, outcome.verdict)
    board.publish(outcome.verdict, "" if ready else "Kafka is away", True, {}, TOTALS)


def test_prometheus_gets_text_and_openmetrics_as_it_asks(client: TestClient) -> None:
    plain = client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    modern = client.get("/metrics", headers=accept)
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


def test_metrics_are_nowhere_else(client: TestClient) -> None:
    assert client.get("/nothing").status_code == 404
    assert client.post("/metrics").status_code == 405


def test_healthy_from_the_start_but_ready_only_when_published_so(
    client: TestClient, board: StatusBoard
) -> None:
    assert client.get("/-/healthy").status_code == 200
    assert client.get("/-/ready").status_code == 503
    publish(board, ready=True)
    assert client.get("/-/ready").status_code == 200
    publish(board, ready=False)
    assert client.get("/-/ready").status_code == 503


def test_the_status_is_json_with_totals_per_partition(
    client: TestClient, board: StatusBoard
) -> None:
    publish(board, ready=True)
    status = client.get("/api/status").json()
    assert status["drift"]["state"] == "ok"
    assert status["anomalous_rows"] == 1
    assert (
        status["partitions"][0] | {"consumed": 2, "scored": 2, "next_offset": 2}
        == (status["partitions"][0])
    )
    assert status["history"][0]["quantiles"].keys() == {"0.5", "0.9"}


def test_the_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert "aead-monitor" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


class TestServer:
    def app(self) -> object:
        return build_app(CollectorRegistry(), dict)

    def test_it_answers_from_start_to_stop(self) -> None:
        server = WebServer(self.app(), "127.0.0.1", 0)
        server.start()
        with urllib.request.urlopen(f"{server.url}/-/healthy", timeout=5) as answer:
            assert answer.read() == b"healthy\n"
        server.stop()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{server.url}/-/healthy", timeout=5)

    def test_a_port_in_use_is_a_mistake_of_the_users(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(ConfigError, match=r"http: cannot listen on 127\.0\.0\.1"):
                WebServer(self.app(), "127.0.0.1", taken.getsockname()[1])

    def test_stopping_one_that_never_started_does_no_harm(self) -> None:
        WebServer(self.app(), "127.0.0.1", 0).stop()
