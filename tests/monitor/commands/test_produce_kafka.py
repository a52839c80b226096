"""`aead-monitor produce` on a real broker, read back by a client that shares no code with it."""

import signal
import subprocess
import sys
from contextlib import closing, contextmanager

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.data import digit_images
from tests.kafka import kafkacat
from tests.kafka.cli import aead_monitor
from tests.kafka.process import wait_until

IMAGES = digit_images(50)


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "digits.npy", IMAGES)
    return tmp_path / "digits.npy"


def arguments(data, name, servers):
    return ["produce", "--data", str(data), "--topic", name, "--bootstrap-servers", servers]


def test_every_record_arrives_with_its_position_as_the_key(broker, topic, data):
    name = topic(partitions=3)
    command = arguments(data, name, broker.bootstrap_servers)
    printed = aead_monitor(*command, "--rate", "200", "--repeat", "2")
    assert f"sent 100 messages to {name}, 100 acknowledged" in printed
    messages = kafkacat.consume(broker.bootstrap_servers, name)
    assert len(messages) == 100
    for message in messages:
        assert message.value == IMAGES[int(message.key)].tobytes()


def test_ctrl_c_stops_after_what_was_sent_has_arrived(broker, topic, data):
    name, servers = topic(), broker.bootstrap_servers
    command = [*arguments(data, name, servers), "--rate", "20", "--repeat", "1000"]
    with running(command) as process, closing(KafkaConsumer(bootstrap_servers=servers)) as kafka:
        partition = TopicPartition(name, 0)
        wait_until(
            lambda: kafka.end_offsets([partition])[partition] > 0, 60, lambda: "nothing arrived"
        )
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=30)
    count = len(kafkacat.consume(servers, name))
    assert process.returncode == 0, errors
    assert f"stopped after {count:,} messages to {name}, {count:,} acknowledged" in printed
    assert "Traceback" not in errors


@contextmanager
def running(command):
    """The command as a process of its own, which does not outlive the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", *command], stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_message_that_the_broker_refuses_is_one_line_and_exit_code_1(broker, topic, tmp_path):
    name = topic(configs={"max.message.bytes": "1000"})
    np.save(tmp_path / "large.npy", np.random.default_rng(0).random((2, 500)))
    command = arguments(tmp_path / "large.npy", name, broker.bootstrap_servers)
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "sent 2 messages" in done.stdout
    assert ", 0 acknowledged" in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith(f"aead-monitor: topic {name}: 2 messages were not delivered: ")
