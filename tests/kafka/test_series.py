"""Windows that the daemon makes of a topic are those of a file, also across a crash."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka import KafkaProducer

from models.description import Description
from models.recipe import train
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.demo.daemon_process import DaemonProcess
from monitor.pipeline.scorer import Scorer
from tests import product
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import total, wait_for_status
from tests.kafka.topics import TopicFactory

PARTITIONS, MACHINES, STEPS = 2, 5, 3000
WINDOW = Window(24, 3, "machine")


def signals(count: int, seed: int) -> np.ndarray:
    rng, time = np.random.default_rng(seed), np.arange(count)
    noise = 0.1 * rng.normal(size=(count, 2))
    shape = np.column_stack([np.sin(time / 5), np.cos(time / 5)]) + noise
    return (shape * (1, 1e7)).astype(np.float32)


@pytest.mark.parametrize("then", ["a crash", "another daemon"])
def test_every_window_is_scored_once_and_as_in_a_file(
    then: str, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    records, _ = windows_of(signals(1500, 0), WINDOW)
    settings = TrainingSettings(epochs=3)
    described = Description(layout="series", window=WINDOW)
    bundle = train(records, tmp_path / "bundle", settings, described=described)
    name = topic(partitions=PARTITIONS)
    steps = np.concatenate([signals(STEPS // MACHINES, 1 + i) for i in range(MACHINES)])
    machines = np.random.default_rng(0).permutation(np.repeat(np.arange(MACHINES), len(steps) // 5))
    configuration: dict[str, Any] = {
        "model": str(bundle.path),
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "codec": {"name": "raw"},
        "outputs": {"scores": f"{name}.scores"},
        "batch": {"max_records": 100},
        "state": {"directory": str(tmp_path / "state"), "snapshot_seconds": 0.3},
    }
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)

    def send(rows: range) -> None:
        for row in rows:
            machine = int(machines[row])
            producer.send(
                name,
                key=b"%d" % machine,
                value=steps[row].tobytes(),
                partition=machine % PARTITIONS,
            )
        producer.flush(60)

    daemon = DaemonProcess(tmp_path, configuration, launch=product.launch)
    send(range(STEPS // 2))
    wait_for_status(daemon, lambda s: total(s, "consumed") > 200)
    if then == "a crash":
        os.kill(daemon.pid, signal.SIGKILL)
    else:
        assert daemon.stop() == 0, daemon.log.read_text()
        configuration["state"]["directory"] = str(tmp_path / "other-state")
    daemon = DaemonProcess(tmp_path, configuration, launch=product.launch)
    send(range(STEPS // 2, STEPS))
    # Of another daemon, what that one has counted.
    wait_for_status(daemon, lambda s: reached(s) == STEPS)
    assert daemon.stop() == 0, daemon.log.read_text()

    made, last = windows_of(steps, WINDOW, machines)
    places = offsets_of(machines)
    errors = Scorer(bundle, "cpu").score(made).reconstruction_error
    expected = dict(zip([places[i] for i in last.tolist()], errors.tolist(), strict=True))
    found = scores(broker.bootstrap_servers, name)
    assert found.keys() == expected.keys()
    wrong = [at for at, error in found.items() if abs(error / expected[at] - 1) > 1e-4]
    assert not wrong


def reached(status: dict[str, Any]) -> int:
    return sum(partition["next_offset"] for partition in status["partitions"])


def offsets_of(machines: np.ndarray) -> list[tuple[int, int]]:
    """Partition and offset of each step."""
    ends, places = [0] * PARTITIONS, []
    for machine in machines.tolist():
        partition = machine % PARTITIONS
        places.append((partition, ends[partition]))
        ends[partition] += 1
    return places


def scores(servers: str, name: str) -> dict[tuple[int, int], float]:
    """Errors by partition and offset; what came again says the same."""
    found: dict[tuple[int, int], float] = {}
    for message in kafkacat.consume(servers, f"{name}.scores"):
        body = json.loads(message.value)
        place = body["partition"], body["offset"]
        assert found.setdefault(place, body["reconstruction_error"]) == body["reconstruction_error"]
    return found
