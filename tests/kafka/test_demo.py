"""The demo, as the README's first command runs it, and on a real broker."""

import re

import pytest
from kafka import KafkaAdminClient

from monitor.cli import main
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor

STORY = ("drift state: ok", "drift state: DRIFT", "drift state: resolved", "stopping")


def assert_told(printed: str) -> None:
    places = [printed.find(part) for part in STORY]
    assert places == sorted(places), printed
    assert min(places) >= 0, printed
    assert re.search(r"status page: http://127\.0\.0\.1:\d+", printed)


def test_it_tells_ok_drift_resolved_and_ends() -> None:
    assert_told(aead_monitor("demo", "--once"))


def test_it_runs_on_a_real_broker_and_leaves_nothing_there(broker: Broker) -> None:
    servers = broker.bootstrap_servers
    assert_told(aead_monitor("demo", "--once", "--bootstrap-servers", servers))
    admin = KafkaAdminClient(bootstrap_servers=servers)
    assert not [topic for topic in admin.list_topics() if topic.startswith("aead-demo")]
    admin.close()


def test_a_broker_that_is_not_there_is_a_mistake_of_the_users(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--once", "--bootstrap-servers", "127.0.0.1:1"]) == 2
    printed = capsys.readouterr()
    assert "cannot make the topic" in printed.err
    assert "training" not in printed.out
