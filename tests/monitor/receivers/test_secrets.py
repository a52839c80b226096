"""Whatever goes wrong, no secret comes into the log, the list or a message."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from monitor.config.receivers import RECEIVERS, CalledReceiver
from monitor.metrics.requests import RequestMetrics
from monitor.process import logs
from monitor.receivers import Receiver
from monitor.receivers.airflow import AirflowReceiver
from monitor.receivers.calls import Endpoint
from monitor.receivers.github import GithubReceiver
from monitor.receivers.http import HttpReceiver
from monitor.receivers.secret import Secret
from monitor.receivers.webhook import WebhookReceiver
from monitor.retraining.delivery import Timing, Worker
from monitor.retraining.outbox import Outbox
from tests.kafka.secure import Authority
from tests.monitor.receivers.conftest import Serve
from tests.monitor.receivers.servers import Answer, Talk, hang, hang_up, reply
from tests.monitor.retraining.documents import document

TOKEN = "t0ken-that-nobody-may-see"
PATH = "/hooks/p4th-that-nobody-may-see"


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def echo(talk: Talk) -> None:
    """A server that is wrong in the worst way: its answer repeats what it was told."""
    talk.send(f"HTTP/1.1 403 {TOKEN}\r\n{TOKEN}\r\nRetry-After: {TOKEN}\r\n\r\n{TOKEN}".encode())


def garbage(talk: Talk) -> None:
    """No HTTP at all."""
    talk.send(f"{TOKEN} {PATH}\r\n\r\n".encode())


def receivers(url: str, secret: Secret) -> list[Receiver]:
    endpoint = Endpoint(f"{url}{PATH}", total_seconds=0.5)
    return [
        HttpReceiver(endpoint, token=secret, headers={"X-Key": secret}),
        WebhookReceiver(endpoint, secret),
        AirflowReceiver(endpoint, secret),
        GithubReceiver(endpoint, "retrain", secret),
    ]


def test_every_kind_that_is_called_is_tried(tmp_path: Path) -> None:
    tried = {type(each).__name__ for each in receivers("http://h", Secret(tmp_path / "secret"))}
    called = {s.__name__ for s in RECEIVERS if issubclass(s, CalledReceiver)}
    missing = called - {f"{name}Config" for name in tried}
    assert not missing, f"tests/monitor/receivers/test_secrets.py: add {missing} to receivers()"


class Careless:
    """A receiver with a bug that an exception could tell all about."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def deliver(self, document: dict[str, Any]) -> str:
        headers = {"Authorization": self._secret.header()}
        return headers["authorization"]

    def close(self) -> None:
        pass


def attempt(receiver: Receiver, folder: Path) -> str:
    """What is kept of an attempt."""
    outbox = Outbox(folder, {"it": False})
    outbox.put(document())
    metrics = RequestMetrics(CollectorRegistry(), "x")
    assert Worker("it", receiver, outbox, metrics, Timing()).step() == 0.0
    (file,) = folder.glob("*.json")
    (kept,) = outbox.listing().requests
    assert kept.deliveries["it"].last_error
    return file.read_text() + repr(kept) + repr(receiver)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("answer", [reply(500), reply(302, Location="/x"), echo, garbage, hang,
                                    hang_up])  # fmt: skip
def test_no_answer_brings_a_secret_to_light(
    serve: Serve, tmp_path: Path, answer: Answer, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug", form)
    (tmp_path / "secret").write_text(TOKEN)
    server = serve(answer)
    for place, receiver in enumerate(receivers(server.url, Secret(tmp_path / "secret"))):
        shown = attempt(receiver, tmp_path / str(place)).replace(repr(receiver), "")
        assert TOKEN not in shown + repr(receiver)
        assert PATH not in shown
    said = "".join(capsys.readouterr())
    assert said
    assert TOKEN not in said
    assert PATH not in said


def test_neither_does_a_wrong_certificate(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug", "console")
    (tmp_path / "secret").write_text(TOKEN)
    server = serve(reply(200), certificate=Authority("x").write_server(tmp_path / "server.pem"))
    for place, receiver in enumerate(receivers(server.url, Secret(tmp_path / "secret"))):
        shown = attempt(receiver, tmp_path / str(place))
        assert "certificate is not trusted" in shown
        assert TOKEN not in shown
    assert TOKEN not in "".join(capsys.readouterr())


@pytest.mark.parametrize("form", ["json", "console"])
def test_neither_does_a_bug(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", form)
    (tmp_path / "secret").write_text(TOKEN)
    assert TOKEN not in attempt(Careless(Secret(tmp_path / "secret")), tmp_path / "requests")
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert TOKEN not in said
