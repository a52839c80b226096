"""The web server: what it answers, and to whom."""

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.testclient import TestClient

from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.process.liveness import Liveness
from monitor.state.ledger import Totals
from monitor.stream.columns import Columns
from monitor.stream.records import Partition
from monitor.web.app import build_app
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer
from monitor.web.status import StatusBoard
from tests.monitor.builders import pipeline, records


@pytest.fixture
def board() -> StatusBoard:
    return StatusBoard({"version": "1", "topic": "in"}, Liveness(60))


@pytest.fixture
def client(board: StatusBoard) -> TestClient:
    metrics = Metrics(CollectorRegistry(), (0.5,))
    return TestClient(build_app(metrics.registry, board.now))


def server(app: Starlette, port: int = 0) -> WebServer:
    metrics = Metrics(CollectorRegistry(), (0.5,))
    return WebServer(app, "127.0.0.1", port, ConfigWatcher(None, metrics.web))


TOTALS = {Partition("in", 0): Totals(2, scored=2, rows=2, anomalous=1)}


def publish(board: StatusBoard, ready: bool) -> None:
    subject = pipeline()
    subject.step(Columns.of(records([1.0, 1e6])))
    hindrances = {} if ready else {"connection": "Kafka is away"}
    board.publish(subject.judge.verdict, hindrances, True, set(), TOTALS)


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
    assert (status["rows"], status["anomalous_rows"]) == (2, 1)
    assert (
        status["partitions"][0] | {"consumed": 2, "scored": 2, "next_offset": 2}
        == (status["partitions"][0])
    )
    assert status["drift"]["quantiles"].keys() == {"0.5", "0.9"}


class TestReload:
    @pytest.fixture
    def asked(self) -> list[None]:
        return []

    def app(self, asked: list[None]) -> Starlette:
        return build_app(CollectorRegistry(), dict, reload=lambda: asked.append(None))

    def test_a_post_asks_for_a_look_and_says_what_comes_of_it(self, asked: list[None]) -> None:
        answer = TestClient(self.app(asked)).post("/-/reload")
        assert answer.status_code == 202
        assert "between\ntwo batches" in answer.text
        assert len(asked) == 1

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
    def test_nothing_but_a_post_asks(self, method: str, asked: list[None]) -> None:
        assert TestClient(self.app(asked)).request(method, "/-/reload").status_code == 405
        assert asked == []

    def test_it_is_forbidden_unless_configured(self, client: TestClient) -> None:
        answer = client.post("/-/reload")
        assert answer.status_code == 403
        assert "set http.reload to true" in answer.text

    def test_the_body_is_never_read(self, asked: list[None]) -> None:
        web = server(self.app(asked))
        web.start()
        host, port = web.url.removeprefix("http://").split(":")
        head = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(head + b"x" * 1000)
            assert connection.recv(100).startswith(b"HTTP/1.1 202")
        web.stop()
        assert len(asked) == 1


class TestServer:
    def app(self) -> Starlette:
        return build_app(CollectorRegistry(), dict)

    def test_it_answers_from_start_to_stop(self) -> None:
        web = server(self.app())
        web.start()
        with urllib.request.urlopen(f"{web.url}/-/healthy", timeout=5) as answer:
            assert answer.read() == b"healthy\n"
        web.stop()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{web.url}/-/healthy", timeout=5)

    def test_a_port_in_use_is_a_mistake_of_the_users(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(ConfigError, match=r"http: cannot listen on 127\.0\.0\.1"):
                server(self.app(), taken.getsockname()[1])

    def test_stopping_one_that_never_started_does_no_harm(self) -> None:
        server(self.app()).stop()


class Kept:
    """Evidence of one entry."""

    def listed(self) -> dict[str, object]:
        return {"mode": "records", "entries": [{"id": "0" * 16, "key": "</script>\u2028"}]}

    def picture(self, id: str) -> bytes | None:
        return b"\x89PNG" if id == "0" * 16 else None


def test_evidence_is_json_and_pictures_are_png() -> None:
    client = TestClient(build_app(CollectorRegistry(), dict, evidence=Kept()))
    told = client.get("/api/evidence")
    assert told.json() == Kept().listed()
    shown = client.get(f"/api/evidence/{'0' * 16}.png")
    assert (shown.content, shown.headers["content-type"]) == (b"\x89PNG", "image/png")
    for answer in (told, shown):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("id", ["1" * 16, "..", "%2e%2e%2fsnapshot", "0" * 16 + "/x", "%00"])
def test_a_picture_of_no_entry_is_not_found(id: str) -> None:
    client = TestClient(build_app(CollectorRegistry(), dict, evidence=Kept()))
    assert client.get(f"/api/evidence/{id}.png").status_code == 404


def test_without_evidence_there_are_no_entries(client: TestClient) -> None:
    assert client.get("/api/evidence").json() == {"mode": "off", "entries": []}
    assert client.get(f"/api/evidence/{'0' * 16}.png").status_code == 404
