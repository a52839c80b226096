"""A member without partitions says why it has none, and blames nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from monitor.daemon.assembly.kafka import make_source
from monitor.stream.kafka_options import Connection
from monitor.stream.sources import Source, waiting
from monitor.stream.sources import link as first_link
from monitor.stream.sources.confluent import link as second_link
from monitor.stream.sources.subscription import Subscription
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory, new_name

SESSION_SECONDS = 30.0
OTHER = """
import sys, confluent_kafka
servers, topic, group = sys.argv[1:]
consumer = confluent_kafka.Consumer({
    "bootstrap.servers": servers, "group.id": group, "session.timeout.ms": 30000,
    "partition.assignment.strategy": "cooperative-sticky",
})
consumer.subscribe([topic], on_assign=lambda consumer, partitions: print("assigned", flush=True))
while True:
    consumer.poll(0.1)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (first_link, second_link):
        monkeypatch.setattr(module, "IDLE_COMPLAINT_SECONDS", 2.0)


@contextmanager
def joined(broker: Broker, topic: str, client: str) -> Iterator[Source]:
    subscription = Subscription(topic, topic, session_timeout_seconds=SESSION_SECONDS)
    source = make_source(client, Connection(broker.bootstrap_servers), subscription)
    try:
        yield source
    finally:
        source.close()


def first_reason(source: Source) -> str:
    """What it says first of having no partitions."""
    with capture_logs() as lines:

        def said() -> list[str]:
            source.poll(0.1, 10)
            events = [line["event"] for line in lines]
            reasons = [event for event in events if event.startswith("no partitions assigned")]
            # On a busy machine an answer may be late; then nothing is said of the topic.
            return [reason for reason in reasons if reason != waiting.UNANSWERED]

        wait_until(lambda: bool(said()), 60, lambda: f"{lines}")
        return said()[0]


def test_a_topic_that_does_not_exist_is_blamed(broker: Broker, client: str) -> None:
    with joined(broker, new_name("missing"), client) as source:
        assert first_reason(source) == waiting.NO_TOPIC


def test_a_member_that_was_killed_is_waited_for_and_no_topic_blamed(
    broker: Broker, topic: TopicFactory, client: str
) -> None:
    name = topic(partitions=2)
    command = [sys.executable, "-c", OTHER, broker.bootstrap_servers, name, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "assigned\n"
        finally:
            other.kill()
    with joined(broker, name, client) as source:
        assert first_reason(source) == waiting.JOINING
        wait_until(
            lambda: source.poll(0.1, 10) is not None and len(source.assigned) == 2,
            3 * SESSION_SECONDS,
            lambda: f"{source.assigned}",
        )


def test_a_member_too_many_says_so(broker: Broker, topic: TopicFactory, client: str) -> None:
    name = topic(partitions=1)
    with joined(broker, name, client) as first:
        wait_until(lambda: first.poll(0.1, 10) is not None and bool(first.assigned), 60, str)
        with joined(broker, name, client) as second, capture_logs() as lines:

            def said() -> list[str]:
                events = []
                for source in (first, second):
                    source.poll(0.1, 10)
                    events = [line["event"] for line in lines]
                return [event for event in events if event == waiting.NONE_LEFT]

            wait_until(lambda: bool(said()), 60, lambda: f"{lines}")
            assert waiting.NO_TOPIC not in [line["event"] for line in lines]
