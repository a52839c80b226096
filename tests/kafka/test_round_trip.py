"""From a table through a model to a topic: the daemon flags what `score` flags, by every codec."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import load
from monitor.codecs import CODECS, CodecSettings, protobuf_files
from monitor.codecs.avro_schema import of_settings
from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.topics import TopicFactory
from tests.monitor.codecs.carried import CARRIED

TRAINED, SENT = 1200, 400
WILD = 20
"""One record in so many is none of the usual."""
UNNAMED = tuple(name for name, has in CARRIED.items() if not has.names and name != "image")
"""Codecs without names and texts: a record comes in the model's order and numbers."""
HEADER = ("id", "temperature", "colour", "motor.speed", "open", "pressure")


def rows(count: int, seed: int, wild: bool = False) -> list[tuple[object, ...]]:
    rng = np.random.default_rng(seed)
    made: list[tuple[object, ...]] = []
    for i in range(count):
        heat = rng.normal()
        odd = wild and i % WILD == 0
        temperature = 20 + heat + (30 if odd else 0)
        colour = "violet" if odd and i % 40 == 0 else ("red", "blue")[int(heat > 0)]
        pressure = "" if rng.random() < 0.1 else f"{1000 + 5 * heat + rng.normal():.3f}"
        speed = f"{50 - 3 * heat + 0.1 * rng.normal():.4f}"
        made.append((i, f"{temperature:.4f}", colour, speed, ("no", "yes")[i % 2], pressure))
    return made


def write(path: Path, table: list[tuple[object, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *table])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[int]]:
    """A bundle, a file of later records, and which of them `score` flags."""
    folder = tmp_path_factory.mktemp("round-trip")
    normal, later = write(folder / "normal.csv", rows(TRAINED, 0)), folder / "later.csv"
    write(later, rows(SENT, 1, wild=True))
    aead_monitor(
        "train", "--data", normal, "--out", folder / "bundle", "--id", "id",
        "--missing", "indicate", "--epochs", "20",
    )  # fmt: skip
    aead_monitor("score", folder / "bundle", "--data", later, "--out", folder / "scores.csv")
    with (folder / "scores.csv").open() as file:
        found = [int(row["index"]) for row in csv.DictReader(file) if row["anomalous"] == "1"]
    assert set(range(0, SENT, WILD)) <= set(found)
    assert len(found) < SENT / 4
    return folder / "bundle", later, found


@pytest.mark.parametrize("codec", sorted(set(CODECS) - {"image", "json-schema"}))
def test_the_daemon_flags_what_score_flags(
    codec: str,
    trained: tuple[Path, Path, list[int]],
    broker: Broker,
    topic: TopicFactory,
    tmp_path: Path,
) -> None:
    bundle, later, expected = trained
    name = topic()
    settings: dict[str, Any] = {
        "model": str(bundle),
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "codec": {"name": codec, "by_position": codec in UNNAMED},
        "state": {"directory": str(tmp_path / "state")},
    }
    if codec == "protobuf":
        spec = load(bundle).input_spec
        of_rows = CodecSettings(spec.payload_shape, spec.dtype, features=spec.schema)
        data, message = protobuf_files.of_settings(of_rows)
        (tmp_path / "row.pb").write_bytes(data)
        settings["codec"] |= {"descriptor": str(tmp_path / "row.pb"), "message": message}
    if codec == "avro":
        spec = load(bundle).input_spec
        of_rows = CodecSettings(spec.payload_shape, spec.dtype, features=spec.schema)
        (tmp_path / "row.avsc").write_text(of_settings(of_rows))
        settings["codec"]["schema_file"] = str(tmp_path / "row.avsc")
    aead_monitor(
        "produce", "--bundle", bundle, "--data", later, "--codec", codec, "--topic", name,
        "--bootstrap-servers", broker.bootstrap_servers,
    )  # fmt: skip
    daemon = DaemonProcess(tmp_path, settings, launch=product.launch)
    status = wait_for_status(daemon, lambda s: total(s, "consumed") == SENT)
    assert daemon.stop() == 0, daemon.log.read_text()
    assert total(status, "dead_lettered") == 0, daemon.log.read_text()
    messages = kafkacat.consume(broker.bootstrap_servers, f"{name}.anomalies")
    found = [int(json.loads(message.value)["record_key"]) for message in messages]
    assert found == expected
