"""The default group contains the topic; the place that an earlier version kept is not lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from monitor.demo.daemon_process import DaemonProcess
from monitor.stream.kafka_options import Connection
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition
from monitor.stream.sources.former_group import former_offsets
from tests import product
from tests.data import digit_images
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import total, wait_for_status
from tests.kafka.topics import TopicFactory

FORMER = "aead-monitor"


def send(broker: Broker, topic: str, count: int) -> None:
    images = [image.tobytes() for image in digit_images(count)]
    kafkacat.produce(broker.bootstrap_servers, topic, images, partition=0, key="k")


def run(folder: Path, settings: dict[str, Any], scored: int) -> dict[str, Any]:
    daemon = DaemonProcess(folder, settings, launch=product.launch)
    try:
        status = wait_for_status(daemon, lambda status: total(status, "scored") >= scored)
    finally:
        code = daemon.stop()
    assert code == 0, daemon.log.read_text()
    return status


def test_the_place_that_an_earlier_version_kept_is_taken_over(
    broker: Broker, topic: TopicFactory, client: str, digits_bundle: Path, tmp_path: Path
) -> None:
    name = topic()
    kafka = {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "client": client}
    settings = {
        "model": str(digits_bundle),
        "codec": {"name": "raw"},
        "kafka": {**kafka, "group": FORMER, "start": "latest"},
        "state": {"directory": str(tmp_path / "state")},
    }
    send(broker, name, 20)
    run(tmp_path, {**settings, "kafka": {**kafka, "group": FORMER}}, 20)
    shutil.rmtree(tmp_path / "state")
    send(broker, name, 15)
    # Without the place of before, it would begin at the end, and lose fifteen records.
    status = run(tmp_path, {**settings, "kafka": {**kafka, "start": "latest"}}, 15)
    assert status["group"] == f"{FORMER}-{name}"
    assert total(status, "scored") == 15
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, group_id=f"{FORMER}-{name}"
    )
    assert consumer.committed(TopicPartition(name, 0)) == 35
    consumer.close(autocommit=False)
    # The group of before is not looked at again, where ours or our state knows the place.
    send(broker, name, 5)
    assert total(run(tmp_path, settings | {"kafka": kafka}, 20), "scored") == 20


def test_a_group_is_looked_into_without_joining_it(broker: Broker, topic: TopicFactory) -> None:
    name = topic(partitions=2)
    look = former_offsets(Connection(broker.bootstrap_servers), FORMER)
    partitions = [Partition(name, 0), Partition(name, 1)]
    assert look(partitions) == {}
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, group_id=FORMER, enable_auto_commit=False
    )
    consumer.assign([TopicPartition(name, 1)])
    from kafka import OffsetAndMetadata

    consumer.commit({TopicPartition(name, 1): OffsetAndMetadata(7, "note", -1)})
    consumer.close(autocommit=False)
    assert look(partitions) == {Partition(name, 1): Committed(7, "note")}


def test_brokers_that_do_not_answer_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.stream.sources.former_group.CONNECT_SECONDS", 0.3)
    assert former_offsets(Connection("127.0.0.1:9"), FORMER)([Partition("in", 0)]) is None
