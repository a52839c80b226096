"""`aead-monitor digits stream` on a real broker, read back by a client that shares no code."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from monitor.commands.digits import COUNT
from monitor.demo import digits
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_digits_flow_and_change_with_the_switch_until_it_is_stopped(
    broker: Broker, topic: TopicFactory, tmp_path: Path, number: signal.Signals
) -> None:
    name, servers, switch = topic(partitions=3), broker.bootstrap_servers, tmp_path / "drift"
    command = [sys.executable, "-m", "monitor", "digits", "stream", "--bootstrap-servers", servers,
               "--topic", name, "--rate", "300", "--switch", str(switch)]  # fmt: skip
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as stream,
        closing(KafkaConsumer(bootstrap_servers=servers)) as kafka,
    ):
        try:
            grow(kafka, name, 200)
            switch.write_text("invert\n")
            grow(kafka, name, 600)
        finally:
            stream.send_signal(number)
            printed, errors = stream.communicate(timeout=60)
    messages = kafkacat.consume(servers, name)
    assert stream.returncode == 0, errors
    assert "the camera changes: invert" in printed
    assert f"stopped after {len(messages):,} digits, {len(messages):,} acknowledged" in printed
    assert {message.partition for message in messages} == {0, 1, 2}
    cameras = [dict(message.headers)["camera"] for message in in_order(messages)]
    assert cameras[:5] == [b"camera-1", b"camera-2", b"camera-3", b"camera-4", b"camera-1"]
    assert_normal_then_inverted([message.value or b"" for message in in_order(messages)])


def grow(kafka: KafkaConsumer, name: str, records: int) -> None:
    """Wait until the topic has so many records more than now."""
    partitions = [TopicPartition(name, number) for number in range(3)]

    def size() -> int:
        return sum(kafka.end_offsets(partitions).values())

    goal = size() + records
    wait_until(lambda: size() >= goal, 90, lambda: f"{size()} records, not {goal}")


def in_order(messages: list[kafkacat.Message]) -> list[kafkacat.Message]:
    """By their keys, which are 0, 1, 2 and so on."""
    ordered = sorted(messages, key=lambda message: int(message.key or b"-1"))
    assert [int(message.key or b"-1") for message in ordered] == list(range(len(ordered)))
    return ordered


def assert_normal_then_inverted(values: list[bytes]) -> None:
    """Digits that nobody trains on, from some moment on with black for white."""
    streamed = digits.load()[COUNT:]
    normal = {image.tobytes() for image in streamed}
    inverted = {np.asarray(255 - image, dtype=np.uint8).tobytes() for image in streamed}
    turn = next(i for i, value in enumerate(values) if value in inverted)
    assert turn >= 200
    assert set(values[:turn]) <= normal
    assert set(values[turn:]) <= inverted
