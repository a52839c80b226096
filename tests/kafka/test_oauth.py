"""Logging in with tokens (SASL OAUTHBEARER) at a real broker, with both clients."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from models.recipe import train
from models.settings import TrainingSettings
from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.data import mnist
from tests.kafka.broker import HOST, Broker, alone
from tests.kafka.cli import total, wait_for_status
from tests.kafka.process import free_ports, wait_until
from tests.kafka.test_security import complaints, produce
from tests.kafka.topics import TopicFactory

pytestmark = pytest.mark.kafka

RECORDS = 50
LIFE_SECONDS = 3600
LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
VALIDATOR = (
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured"
    ".OAuthBearerUnsecuredValidatorCallbackHandler"
)
Begin = Callable[[dict[str, Any]], DaemonProcess]


def token(user: str = "scorer", life: float = LIFE_SECONDS) -> str:
    """A token that the broker takes, as it is told to take such without a signature."""
    now = time.time()
    claims = {"sub": user, "iat": now - 60, "exp": now + life}
    parts = ({"alg": "none"}, claims)
    texts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*texts, ""])


class TokenBroker:
    """A broker whose clients log in with tokens; a listener without login is for its makers."""

    def __init__(self, folder: Path) -> None:
        place, (self._port,) = alone(), free_ports(1)
        plain, guarded = (f"{HOST}:{port}" for port in (place.port, self._port))
        controller = f"{HOST}:{place.voters[place.node]}"
        advertised = f"PLAINTEXT://{plain},SASL_PLAINTEXT://{guarded}"
        listener = "listener.name.sasl_plaintext.oauthbearer"
        settings = {
            "listeners": f"{advertised},CONTROLLER://{controller}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,"
            "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{listener}.sasl.jaas.config": LOGIN,
            f"{listener}.sasl.server.callback.handler.class": VALIDATOR,
        }
        self.broker = Broker(folder, settings=settings, place=place)
        self.servers = guarded


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenBroker]:
    made = TokenBroker(tmp_path_factory.mktemp("tokens"))
    made.broker.start()
    yield made
    made.broker.stop()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    train(mnist(200, 1)[0], folder, TrainingSettings(architecture="dense", epochs=1))
    return folder


@pytest.fixture
def begin(guarded: TokenBroker, bundle: Path, client: str, tmp_path: Path) -> Iterator[Begin]:
    """Starts the daemon with a section sasl, on a topic with records."""
    topic = TopicFactory(guarded.broker.bootstrap_servers)()
    produce(guarded.broker.bootstrap_servers, topic)
    started: list[DaemonProcess] = []

    def start(sasl: dict[str, Any]) -> DaemonProcess:
        settings = {
            "model": str(bundle),
            "kafka": {
                "bootstrap_servers": guarded.servers,
                "topic": topic,
                "client": client,
                "client_id": "line-4",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl": {"mechanism": "OAUTHBEARER", **sasl},
            },
            "codec": {"name": "raw"},
            "state": {"directory": str(tmp_path / "state")},
        }
        started.append(DaemonProcess(tmp_path, settings, launch=product.launch))
        return started[-1]

    yield start
    for daemon in started:
        daemon.stop()


def test_records_are_scored_with_a_token_from_a_file(begin: Begin, tmp_path: Path) -> None:
    held = token()
    (tmp_path / "token").write_text(held + "\n")
    daemon = begin({"token_file": str(tmp_path / "token"), "extensions": {"cluster": "blue"}})
    wait_for_status(daemon, lambda status: total(status, "scored") == RECORDS)
    assert daemon.stop() == 0
    assert held not in daemon.log.read_text()


def test_a_token_that_is_over_is_refused_and_a_fresh_one_taken_without_a_restart(
    begin: Begin, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(token(life=-600))
    daemon = begin({"token_file": str(file)})
    wait_until(lambda: bool(complaints(daemon, "no token to log in")), 90, daemon.log.read_text)
    assert not daemon.status()["ready"]
    file.write_text(token())
    wait_for_status(daemon, lambda status: total(status, "scored") == RECORDS)


class Issuer(BaseHTTPRequestHandler):
    """Gives a token to whoever has the secret."""

    asked: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.headers["Authorization"], body))
        answer = json.dumps({"access_token": token(), "expires_in": LIFE_SECONDS}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        pass


def test_records_are_scored_with_tokens_that_are_fetched(begin: Begin, tmp_path: Path) -> None:
    secret = "correct horse battery staple"
    (tmp_path / "secret").write_text(secret + "\n")
    Issuer.asked.clear()
    with HTTPServer((HOST, 0), Issuer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sasl = {
            "token_url": f"http://{HOST}:{server.server_port}/token",
            "client_id": "scorer",
            "client_secret_file": str(tmp_path / "secret"),
            "scope": "kafka",
        }
        daemon = begin(sasl)
        wait_for_status(daemon, lambda status: total(status, "scored") == RECORDS)
        assert daemon.stop() == 0
        server.shutdown()
    assert len({authorization for authorization, _ in Issuer.asked}) == 1
    assert Issuer.asked[0][1] == b"grant_type=client_credentials&scope=kafka"
    # One for all clients, which is good for an hour.
    assert len(Issuer.asked) == 1
    assert secret not in daemon.log.read_text()
