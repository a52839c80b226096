"""Whoever is on call is told of a daemon that does not watch, and the runbook shows why.

On the real programs, with the deployed rules and routes; ranges in expressions are shorter, too.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.stack.replica import Replica
from examples.stack.stack import Ports, Sizes, Stack
from tests.failpoints import VARIABLE
from tests.kafka.process import free_ports
from tests.readme import ROOT
from tests.stack.watched import Watched

NOT_READING, STALLED = "AeadMonitorNotReading", "AeadMonitorScoringStalled"
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


def by_address(stack: Watched, address: str) -> Replica:
    return next(replica for replica in stack.stack.replicas if replica.address == address)
