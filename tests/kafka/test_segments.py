"""Segments on a real broker: keys name them, one drifts, and the alert says which, also when the
daemon is started anew in between."""

from __future__ import annotations

import json
from pathlib import Path

from kafka import KafkaProducer

from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watch, Watcher
from tests.monitor.builders import normal_errors
from tests.monitor.segment_streams import camera, segmented_pipeline

CALM, DRIFT = 12_000, 12_000
DRIFTING = 3


def send(servers: str, topic: str, first: int, errors: list[float]) -> None:
    """Send errors to partition 0, each with the key of its camera."""
    producer = KafkaProducer(bootstrap_servers=servers.split(","), acks="all", linger_ms=50)
    futures = [
        producer.send(topic, key=camera(offset), value=repr(error).encode(), partition=0)
        for offset, error in enumerate(errors, first)
    ]
    for future in futures:
        future.get(timeout=60)
    producer.close()


def told(servers: str, topic: str) -> list[tuple[str, str]]:
    """Segment and event of each alert of a segment that a reader sees."""
    bodies = [json.loads(m.value or b"") for m in kafkacat.consume(servers, f"{topic}.alerts")]
    return [(body["segment"], body["event"]) for body in bodies if "segment" in body]


def test_the_camera_that_drifts_is_named_over_a_restart(
    client: str, broker: Broker, topic: TopicFactory, watch: Watch, tmp_path: Path
) -> None:
    name, servers = topic(), broker.bootstrap_servers

    def begin() -> Watcher:
        return watch(name, pipeline=segmented_pipeline())

    calm, drift = normal_errors(CALM, 1), normal_errors(DRIFT, 2)
    drift[DRIFTING::5] *= 2.0  # CALM is a multiple of five: the camera is the same
    watcher = begin()
    send(servers, name, 0, calm.tolist())
    watcher.until_consumed(CALM)
    watcher.stop()
    watcher = begin()  # in the middle of what waits for more rows
    half = DRIFT // 2
    send(servers, name, CALM, drift[:half].tolist())
    watcher.until_consumed(CALM + half)
    watcher.stop()
    watcher = begin()
    send(servers, name, CALM + half, drift[half:].tolist())
    watcher.until_consumed(CALM + DRIFT)
    watcher.until(lambda: watcher.sample("segment_drift_firing", segment="camera-3") == 1)
    assert watcher.sample("segment_drift_firing", segment="camera-1") == 0
    status = watcher.daemon.parts.board.published["segments"]["segments"]
    assert [each["name"] for each in status if each["state"] == "firing"] == ["camera-3"]
    assert status[0]["name"] == "camera-3"
    watcher.stop()
    assert ("camera-3", "firing") in told(servers, name)
    assert {segment for segment, _ in told(servers, name)} == {"camera-3"}
