"""What the daemon publishes of a topic is what `replay` says of the same records in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from kafka import KafkaProducer

from monitor.demo.daemon_process import DaemonProcess
from monitor.pipeline.feeding import START
from tests import product
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.topics import TopicFactory
from tests.monitor.backtest.streams import RATE, drifting, trained


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("plant") / "model")


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_the_alerts_of_a_topic_are_those_of_its_replay_byte_by_byte(
    channels: str, plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    # Read at once, all records come within seconds: neither guard nor cooldown may wait for time.
    drift = {"guard_seconds": 0, "cooldown_seconds": 0, "channels": channels}
    settings: dict[str, Any] = {
        "model": str(plant),
        "device": "cpu",
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "codec": {"name": "raw"},
        "drift": {"false_alarms": "1 per 1e6 records", **drift},
        "state": {"directory": str(tmp_path / "state"), "snapshot_seconds": 0.3},
    }
    values = drifting()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)
    for i, row in enumerate(values):
        producer.send(name, value=row.tobytes(), timestamp_ms=START + 1000 * i // RATE)
    producer.flush(60)
    producer.close()
    daemon = DaemonProcess(tmp_path, settings, launch=product.launch)
    wait_for_status(daemon, lambda status: total(status, "consumed") == len(values))
    assert daemon.stop() == 0, daemon.log.read_text()
    published = [m.value for m in kafkacat.consume(broker.bootstrap_servers, f"{name}.alerts")]

    config = tmp_path / "replay.yaml"
    config.write_text(yaml.safe_dump(settings))
    np.save(tmp_path / "plant.npy", values)
    data, out = tmp_path / "plant.npy", tmp_path / "out"
    words = ["--config", config, "--data", data, "--rate", str(RATE), "--out", out]
    printed = aead_monitor("replay", *words)
    found = json.loads((out / "replay.json").read_text())
    expected = [json.dumps(each, separators=(",", ":")).encode() for each in found["alerts"]]
    assert [json.loads(value or b"")["event"] for value in published][:3] == [
        "firing", "resolved", "firing",
    ]  # fmt: skip
    assert published == expected
    assert "alarms       2, " in printed
