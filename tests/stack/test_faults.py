"""Whoever is on call is told of a daemon that does not watch, and the runbook shows why.

On the real programs, with the deployed rules and routes; ranges in expressions are shorter, too.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from examples.closed_loop.topics import create
from examples.stack.replica import Replica
from examples.stack.stack import PARTITIONS, TOPIC, Ports, Sizes, Stack
from tests.failpoints import VARIABLE
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.process import free_ports
from tests.kafka.topics import give, limit
from tests.kafka.watchers import send
from tests.readme import ROOT
from tests.stack.watched import Watched

NOT_READING, STALLED = "AeadMonitorNotReading", "AeadMonitorScoringStalled"
PUBLISHING = "AeadMonitorPublishFailing"
LETTERS = f"{TOPIC}.dead-letters"
STALL_SECONDS = 10
FASTER = 20

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What shall happen at the daemons' failpoints."""
    return tmp_path_factory.mktemp("orders") / "orders"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, orders: Path) -> Iterator[Watched]:
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:5.1f} s] {line}", flush=True)

    parts = Stack(
        tmp_path_factory.mktemp("stack"),
        Ports.free(),
        Sizes.quick(),
        say,
        settings={"http": {"stall_seconds": STALL_SECONDS}},
        environment={VARIABLE: str(orders)},
        faster=FASTER,
    )
    with parts as running:
        yield Watched(running)


def first_command(alert: str, replica: Replica) -> str:
    """What the first command of an alert's runbook prints, for one daemon."""
    text = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text()
    command = re.search(r"^    (curl \S+)$", text, re.MULTILINE)
    assert command is not None
    words = command.group(1).replace("daemon:9464", replica.address).split()
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


def test_a_member_whose_place_is_taken(stack: Watched) -> None:
    first = stack.stack.replicas[0]
    twin = stack.stack.replica("twin", 1, free_ports(1)[0])
    twin.launch()
    try:
        told = stack.wait_told(NOT_READING, "firing")
        assert (told.labels["instance"], told.labels["reason"]) == (first.address, "fenced")
        assert "kafka.instance" in first_command(NOT_READING, first)
    finally:
        twin.stop()
    first.stop()
    first.launch()
    stack.wait_told(NOT_READING, "resolved")


def test_a_disk_that_hangs(stack: Watched, orders: Path) -> None:
    before = len(stack.told(STALLED, "firing"))
    orders.write_text("snapshot_write hang")
    try:
        told = stack.wait_told(STALLED, "firing", after=before)
        stalled = by_address(stack, told.labels["instance"])
        assert "run loop" in first_command(STALLED, stalled)
    finally:
        orders.write_text("")
    stack.until(lambda: not stack.alerts(STALLED), "nobody to be stalled any more")


def test_an_output_that_takes_nothing(stack: Watched) -> None:
    """A record that cannot be decoded is due there."""
    before = len(stack.told(STALLED, "firing"))
    servers = stack.stack.servers
    create(servers, LETTERS, 1)
    limit(servers, LETTERS, 80)
    send(stack.stack.servers, TOPIC, [b"no digit"])
    told = stack.wait_told(PUBLISHING, "firing", "ticket")
    blocked = by_address(stack, told.labels["instance"])
    told = stack.wait_told(STALLED, "firing", after=before)
    assert told.labels["instance"] == blocked.address
    for alert in (PUBLISHING, STALLED):
        said = first_command(alert, blocked)
        assert f"outputs.dead_letters: topic {LETTERS}" in said
        assert "max.message.bytes" in said
    stack.wait_for(f'aead_monitor_not_ready{{instance="{blocked.address}",reason="output"}} == 1')
    limit(servers, LETTERS, 2**20)
    stack.wait_told(PUBLISHING, "resolved", "ticket")
    assert len(kafkacat.consume(stack.stack.servers, LETTERS)) == 1


def test_a_partition_that_no_broker_has(stack: Watched, second: Broker) -> None:
    """The only broker that holds it is away."""
    lonely = PARTITIONS - 1
    give(stack.stack.servers, TOPIC, lonely, second.node)
    before = len(stack.told(NOT_READING, "resolved"))
    second.stop()
    told = stack.wait_told(NOT_READING, "firing", after=len(stack.told(NOT_READING, "firing")))
    assert told.labels["reason"] == "unreadable"
    reader = by_address(stack, told.labels["instance"])
    assert f"{TOPIC}/{lonely}: it has no leader" in first_command(NOT_READING, reader)
    second.start()
    stack.wait_told(NOT_READING, "resolved", after=before)
    give(stack.stack.servers, TOPIC, lonely, stack.stack.kafka.node)  # the second one ends


@pytest.fixture
def second(stack: Watched, tmp_path: Path) -> Iterator[Broker]:
    """One more broker of the stack's cluster, without a vote."""
    place = replace(stack.stack.kafka.place, node=2, port=free_ports(1)[0])
    broker = Broker(tmp_path, place=place, heap="256m")
    broker.start()
    yield broker
    broker.kill()


def by_address(stack: Watched, address: str) -> Replica:
    return next(replica for replica in stack.stack.replicas if replica.address == address)
