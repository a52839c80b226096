"""Login and TLS, with the daemon as a user runs it: what works, and what it says otherwise."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from models.recipe import train
from models.settings import TrainingSettings
from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.data import mnist
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.process import wait_until
from tests.kafka.secure import MECHANISM, Authority, SecureBroker
from tests.kafka.topics import TopicFactory

pytestmark = pytest.mark.kafka

USER = "scorer-of-line-4"
PASSWORD = "correct horse battery staple"
WRONG_PASSWORD = "Tr0ub4dor-and-3"
RECORDS = 50
SHUTDOWN_SECONDS = 15
LOG_SECONDS = 60.0

Begin = Callable[[str, Path], DaemonProcess]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    broker = SecureBroker(tmp_path_factory.mktemp("secure"))
    broker.start()
    broker.set_password(USER, PASSWORD)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    train(mnist(200, 1)[0], folder, TrainingSettings(architecture="dense", epochs=1))
    return folder


@pytest.fixture
def begin(secure: SecureBroker, bundle: Path, client: str, tmp_path: Path) -> Iterator[Begin]:
    """Starts the daemon with a password and an authority to trust, on a topic with records."""
    topic = TopicFactory(secure.plain_servers)()
    produce(secure.plain_servers, topic)
    started: list[DaemonProcess] = []

    def start(password: str, ca_file: Path) -> DaemonProcess:
        password_file = tmp_path / "password"
        password_file.write_text(f"{password}\n")
        settings = {
            "model": str(bundle),
            "kafka": {
                "bootstrap_servers": secure.bootstrap_servers,
                "topic": topic,
                "group": topic,
                "client": client,
                "security_protocol": "SASL_SSL",
                "tls": {"ca_file": str(ca_file)},
                "sasl": {
                    "mechanism": MECHANISM,
                    "username": USER,
                    "password_file": str(password_file),
                },
            },
            "codec": {"name": "raw"},
            "state": {"directory": str(tmp_path / "state")},
            "shutdown_seconds": SHUTDOWN_SECONDS,
        }
        started.append(DaemonProcess(tmp_path, settings, launch=product.launch))
        return started[-1]

    yield start
    for daemon in started:
        daemon.stop()


def produce(servers: str, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=servers)
    for image in mnist(200, RECORDS)[1]:
        producer.send(topic, image.tobytes())
    producer.flush(30)
    producer.close()


def complaints(daemon: DaemonProcess, text: str) -> list[dict[str, Any]]:
    """Our own lines of the log whose event holds a text; what the library says does not count."""
    lines = [line for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    return [
        event
        for event in map(json.loads, lines)
        if event["logger"].startswith("monitor") and text in event["event"]
    ]


def wait_for_complaints(daemon: DaemonProcess, text: str, count: int) -> list[dict[str, Any]]:
    wait_until(
        lambda: len(complaints(daemon, text)) >= count,
        LOG_SECONDS,
        lambda: f"{text!r} is not in the log {count} times: {daemon.log.read_text()}",
    )
    return complaints(daemon, text)


def answer(daemon: DaemonProcess, path: str) -> tuple[int, str]:
    """Status code and text of a page of the daemon."""
    try:
        with urllib.request.urlopen(f"{daemon.url}{path}", timeout=5) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def is_cut_off(daemon: DaemonProcess) -> bool:
    """Whether the daemon runs and says everywhere that it has no broker."""
    metrics = answer(daemon, "/metrics")[1].splitlines()
    return (
        not daemon.status()["ready"]
        and answer(daemon, "/-/ready")[0] == 503
        and answer(daemon, "/-/healthy")[0] == 200
        and "aead_monitor_kafka_connected 0.0" in metrics
    )


def stop_in_time(daemon: DaemonProcess) -> None:
    begun = time.monotonic()
    assert daemon.stop() == 0, daemon.log.read_text()
    assert time.monotonic() - begun < SHUTDOWN_SECONDS


def is_scored(daemon: DaemonProcess) -> bool:
    status = wait_for_status(daemon, lambda s: total(s, "scored") == RECORDS)
    return bool(status["ready"])


def test_records_are_scored_over_tls_with_a_login(secure: SecureBroker, begin: Begin) -> None:
    daemon = begin(PASSWORD, secure.ca_file)
    assert is_scored(daemon)
    stop_in_time(daemon)
    assert PASSWORD not in daemon.log.read_text()


def test_a_refused_login_is_told_and_tried_again_and_the_right_one_works_at_the_next_start(
    secure: SecureBroker, begin: Begin, tmp_path: Path
) -> None:
    daemon = begin(WRONG_PASSWORD, secure.ca_file)
    first, second = wait_for_complaints(daemon, "refused the login", 2)[:2]
    assert first["username"] == USER
    assert first["servers"] == secure.bootstrap_servers
    assert "uthentication" in first["error"]
    assert first["retry_seconds"] < second["retry_seconds"]
    assert is_cut_off(daemon)
    pages = [answer(daemon, path)[1] for path in ("/", "/api/status", "/metrics")]
    stop_in_time(daemon)
    for text in (shown_config(tmp_path), daemon.log.read_text(), *pages):
        assert WRONG_PASSWORD not in text
    right = begin(PASSWORD, secure.ca_file)
    assert is_scored(right)
    stop_in_time(right)


def shown_config(folder: Path) -> str:
    shown = aead_monitor("check-config", folder / "aead-monitor.yaml", "--print", "--no-model")
    assert str(folder / "password") in shown
    return shown


def test_a_login_that_the_broker_learns_later_works_without_a_restart(
    secure: SecureBroker, begin: Begin
) -> None:
    daemon = begin(WRONG_PASSWORD, secure.ca_file)
    wait_for_complaints(daemon, "refused the login", 1)
    secure.set_password(USER, WRONG_PASSWORD)
    try:
        assert is_scored(daemon)
        stop_in_time(daemon)
    finally:
        secure.set_password(USER, PASSWORD)


def test_a_broker_of_another_authority_is_not_trusted(
    secure: SecureBroker, begin: Begin, tmp_path: Path
) -> None:
    daemon = begin(PASSWORD, Authority("somebody else").write(tmp_path / "other.pem"))
    complaint = wait_for_complaints(daemon, "certificate is not trusted", 1)[0]
    assert complaint["servers"] == secure.bootstrap_servers
    assert "certificate verify failed" in complaint["error"].lower().replace("_", " ")
    assert is_cut_off(daemon)
    stop_in_time(daemon)
    assert PASSWORD not in daemon.log.read_text()
