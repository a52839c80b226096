"""Segments on a real broker: keys name them, one drifts, and the alert says which, also when the
daemon is started anew in between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.process import Patience
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


def test_a_camera_that_stops_in_a_partition_of_its_own_is_told(
    client: str,
    broker: Broker,
    topic: TopicFactory,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.daemon.loop.QUIET_SECONDS", 0.2)
    monkeypatch.setattr("monitor.daemon.loop.REST_SECONDS", 0.5)
    monkeypatch.setattr("monitor.drift.segments.gaps.SHORTEST_TIME", 3000)
    name, servers = topic(4), broker.bootstrap_servers
    watcher = watch(name, pipeline=segmented_pipeline(), client=client)
    send_each(servers, name, range(4), 0, 400)
    watcher.until_consumed(1600)
    sent, patience = 1600, Patience(60)
    while not watcher.sample("segment_alerts_total", event="silent"):
        assert not patience.is_over(str)
        send_each(servers, name, range(3), sent, 20)
        sent += 20
        time.sleep(0.3)
    send_each(servers, name, [3], sent, 1)
    watcher.until(lambda: watcher.sample("segment_alerts_total", event="returned") == 1)
    watcher.stop()
    assert told(servers, name) == [("camera-3", "silent"), ("camera-3", "returned")]


def send_each(servers: str, topic: str, cameras: Iterable[int], first: int, count: int) -> None:
    """Send so many records of each camera to its own partition, a second apart by their time."""
    producer = KafkaProducer(bootstrap_servers=servers.split(","), acks="all", linger_ms=50)
    errors = normal_errors(count, first).tolist()
    futures = [
        producer.send(
            topic, key=b"camera-%d" % number, value=repr(error).encode(), partition=number,
            timestamp_ms=1_700_000_000_000 + 1000 * second,
        )
        for second, error in enumerate(errors, first)
        for number in cameras
    ]  # fmt: skip
    for future in futures:
        future.get(timeout=60)
    producer.close()
