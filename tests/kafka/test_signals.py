"""SIGTERM and SIGINT: finish and exit with 0; a second one exits at once."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.recipe import train
from models.settings import TrainingSettings
from tests.data import mnist
from tests.kafka.broker import Broker
from tests.kafka.cli import RawDaemon
from tests.kafka.topics import TopicFactory

Start = Callable[[str, str], RawDaemon]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    train(mnist(200, 1)[0], folder, TrainingSettings(architecture="dense", epochs=1))
    return folder


@pytest.fixture
def start(bundle: Path, tmp_path: Path) -> Iterator[Start]:
    started: list[RawDaemon] = []

    def begin(servers: str, topic: str) -> RawDaemon:
        kafka: dict[str, Any] = {"bootstrap_servers": servers, "topic": topic, "group": topic}
        settings = {"model": str(bundle), "kafka": kafka, "codec": {"name": "raw"}}
        started.append(RawDaemon(tmp_path, settings))
        return started[-1]

    yield begin
    for daemon in started:
        daemon.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(
    start: Start, broker: Broker, topic: TopicFactory, number: signal.Signals
) -> None:
    daemon = start(broker.bootstrap_servers, topic())
    daemon.wait_for_log("partitions assigned")
    daemon.signal(number)
    assert daemon.wait(20) == 0
    assert "stopped" in daemon.log.read_text()


def test_it_stops_in_good_order_without_a_broker(start: Start) -> None:
    daemon = start("127.0.0.1:1", "nowhere")
    daemon.wait_for_log("kafka cannot be reached; trying again")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(20) == 0


def test_a_second_signal_exits_at_once(start: Start) -> None:
    daemon = start("127.0.0.1:1", "nowhere")
    daemon.wait_for_log("started")
    # Two different ones: the system merges two of a kind that come together.
    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGINT)
    assert daemon.wait(5) in (128 + signal.SIGTERM, 128 + signal.SIGINT)
