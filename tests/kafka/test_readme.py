"""The README's tour, word for word, on a real broker."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.data import mnist
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory
from tests.readme import commands, configurations


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the tour names."""
    normal, others = mnist(600, 300)
    np.save(tmp_path / "normal.npy", normal)
    np.save(tmp_path / "recent.npy", others)
    np.save(tmp_path / "holdout.npy", others[:100])
    np.save(tmp_path / "faults.npy", 255 - others[:100])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tour(broker: Broker, topic: TopicFactory) -> Iterator[list[list[str]]]:
    """The commands, with this broker and a topic of their own; and epochs to save time."""
    name = topic()
    swap = {"localhost:9092": broker.bootstrap_servers, "images": name}
    text = configurations()[0]
    for old, new in swap.items():
        text = text.replace(old, new)
    Path("aead-monitor.yaml").write_text(text + "http: {port: 0}\n")
    steps = [[swap.get(word, word) for word in step] for step in commands("aead-monitor")]
    yield [[*step, "--epochs", "2"] if step[0] == "train" else step for step in steps]


def test_the_tour_works_as_it_is_written(
    place: Path, broker: Broker, tour: list[list[str]]
) -> None:
    steps = {step[0]: step for step in tour}
    for name in ("train", "score", "evaluate", "check-config"):
        aead_monitor(*steps[name])
    aead_monitor(*steps["simulate"], "--records", "20000", "--repeats", "1")
    for path in ("model/README.md", "scores.csv", "top.png", "evaluation/evaluation.json",
                 "simulation/simulation.png"):  # fmt: skip
        assert Path(path).stat().st_size > 0

    aead_monitor(*steps["produce"])
    topic = steps["produce"][steps["produce"].index("--topic") + 1]
    assert len(kafkacat.consume(broker.bootstrap_servers, topic)) == 300

    with Path("daemon.log").open("wb") as log:
        daemon = subprocess.Popen([sys.executable, "-m", "monitor", *steps["run"]], stderr=log)
    try:
        wait_until(lambda: scored(daemon) == 300, 60, lambda: Path("daemon.log").read_text())
    finally:
        daemon.terminate()
        code = daemon.wait(30)
    assert code == 0


def scored(daemon: subprocess.Popen[bytes]) -> int:
    """Records that the daemon has scored; 0 until it serves its status."""
    log = Path("daemon.log").read_text()
    assert daemon.poll() is None, log
    urls = [event["url"] for event in map(json.loads, log.splitlines()) if "url" in event]
    if not urls:
        return 0
    with urllib.request.urlopen(f"{urls[0]}/api/status", timeout=5) as answer:
        return sum(partition["scored"] for partition in json.load(answer).get("partitions", []))
