"""SIGTERM ends the daemon within shutdown_seconds, whatever is wrong, and loses nothing.

Each fault is there when the signal comes. Afterwards the daemon is started without it: what was
not published or not committed is done then, and all records are counted once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.recipe import train
from models.settings import TrainingSettings
from tests.data import mnist
from tests.deploy.shutdown import longest_seconds
from tests.kafka.broker import Broker
from tests.kafka.process import free_ports
from tests.kafka.relay import Relay
from tests.kafka.stop_faults import (
    ALL,
    ENOUGH,
    FAULTS,
    SLOW_BYTES,
    SLOW_ID,
    TOO_SMALL,
    Fault,
)
from tests.kafka.stops import STOP_SECONDS, Daemon, Stopped, at_once
from tests.kafka.topics import give, limit

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

FIRST, BAD = 20, 2


class Ground:
    """One broker behind an address that stays, and daemons that read from it.

    second: one more broker of the same cluster, not started.
    """

    def __init__(self, folder: Path, broker: Broker, bundle: Path, rows: Sequence[bytes]) -> None:
        self.folder = folder
        self.broker = broker
        self.relay = Relay(broker.port)
        place = replace(broker.place, node=2, port=free_ports(1)[0])
        (folder / "second").mkdir()
        self.second = Broker(folder / "second", heap="256m", place=place)
        self.base = {"model": str(bundle), "codec": {"name": "raw"}, "threads": 1}
        self.rows = rows
        self.daemons: list[Daemon] = []

    def daemon(self, name: str, kafka: Mapping[str, Any], more: Mapping[str, Any]) -> Daemon:
        """Not started; its topic is there."""
        folder = self.folder / name
        daemon = Daemon(name, folder, self.relay.address, self.rows, self.base, kafka, more)
        daemon.create(partitions=2)
        self.daemons.append(daemon)
        return daemon

    def close(self) -> None:
        """End all that a failed test has left."""
        for daemon in self.daemons:
            daemon.process.kill()
        self.second.kill()
        self.broker.kill()
        self.relay.close()


def read_all(daemons: Sequence[Daemon]) -> None:
    """Start them again: everything is counted once, and every dead letter is there."""
    for daemon in daemons:
        daemon.send(FIRST)
        daemon.process.start()
    at_once(Daemon.until_consumed, daemons)
    for daemon, stopped in zip(daemons, at_once(Daemon.terminated, daemons), strict=True):
        ends_in_time(daemon, stopped, 0)
        assert len(daemon.dead_letters()) == daemon.bad


def ends_in_time(daemon: Daemon, stopped: Stopped, code: int) -> None:
    assert stopped.code == code, f"{stopped}: {daemon.said()}"
    assert stopped.seconds <= longest_seconds(STOP_SECONDS), f"{stopped}: {daemon.said()}"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("stops")
    images = mnist(200, 1)[0]
    train(images, folder / "model", TrainingSettings(architecture="dense", epochs=1))
    (folder / "kafka").mkdir()
    broker = Broker(folder / "kafka", heap="256m")
    broker.start()
    ground = Ground(folder, broker, folder / "model", [image.tobytes() for image in images[:20]])
    yield ground
    ground.close()


def kill(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.kill()


def start(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.start()


def move(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.kill()
    ground.broker.move()
    ground.broker.start()
    ground.relay.target = ground.broker.port


def freeze(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.freeze()
    time.sleep(1.0)


def thaw(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.thaw()


def block_and_freeze(ground: Ground, daemons: Sequence[Daemon]) -> None:
    """While an output is tried again, no broker answers any more."""
    for daemon in daemons:
        limit(daemon.servers, daemon.letters, TOO_SMALL)
    for daemon in daemons:
        daemon.send(FIRST, BAD)
    time.sleep(3.0)
    freeze(ground, daemons)


def thaw_and_unblock(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.broker.thaw()
    for daemon in daemons:
        limit(daemon.servers, daemon.letters, ENOUGH)


def take_leader(ground: Ground, daemons: Sequence[Daemon]) -> None:
    """Half of what they read is held by a broker that is away."""
    ground.second.start()
    for daemon in daemons:
        give(daemon.servers, daemon.topic, 1, ground.second.node)
        daemon.send(FIRST, partition=1)
    at_once(Daemon.until_consumed, daemons)
    ground.second.kill()
    time.sleep(3.0)


def give_back(ground: Ground, daemons: Sequence[Daemon]) -> None:
    ground.second.start()


Step = Callable[[Ground, Sequence[Daemon]], None]
BROKERS: Mapping[str, tuple[Step, Step]] = {
    "gone": (kill, start),
    "moved": (move, lambda ground, daemons: None),
    "frozen": (freeze, thaw),
    "frozen while an output blocks": (block_and_freeze, thaw_and_unblock),
    "one partition without leader": (take_leader, give_back),
}
"""What is wrong with the brokers, and how it ends. The last one needs the second one."""


@pytest.mark.parametrize("fault", BROKERS)
def test_whatever_is_wrong_with_the_brokers(fault: str, ground: Ground) -> None:
    """Most of what was decided on is not committed yet when it comes."""
    bring, end = BROKERS[fault]
    rarely = {"state": {"snapshot_seconds": 600}}
    daemons = [
        ground.daemon(f"{fault.replace(' ', '-')}-{i}", kafka, rarely)
        for i, kafka in enumerate(ALL)
    ]
    for daemon in daemons:
        daemon.send(FIRST, BAD)
        daemon.process.start()
    at_once(Daemon.until_consumed, daemons)
    try:
        bring(ground, daemons)
        ends = at_once(Daemon.terminated, daemons)
    finally:
        end(ground, daemons)
    for daemon, stopped in zip(daemons, ends, strict=True):
        ends_in_time(daemon, stopped, 0)
    read_all(daemons)


@pytest.mark.parametrize("group", FAULTS)
def test_whatever_is_wrong_beside_them(group: str, ground: Ground) -> None:
    """Daemons that each have a fault of their own, at the same time."""
    broker = ground.broker
    broker.set_quota(SLOW_ID, SLOW_BYTES)
    faulty: list[tuple[Daemon, Fault]] = [
        (ground.daemon(f"{name.replace(' ', '-')}-{i}", kafka, fault.more), fault)
        for name, fault in FAULTS[group].items()
        for i, kafka in enumerate(fault.variants)
    ]
    for daemon, fault in faulty:
        fault.before(daemon, broker)
        daemon.send(FIRST, BAD if fault.letters else 0)
        daemon.process.start()
    at_once(Daemon.until_consumed, [daemon for daemon, fault in faulty if fault.reads])
    at_once(lambda pair: pair[1].bring(pair[0], broker), faulty)
    ends = at_once(lambda pair: pair[0].terminated(), faulty)
    for (daemon, fault), stopped in zip(faulty, ends, strict=True):
        ends_in_time(daemon, stopped, fault.code)
        fault.end(daemon, broker)
        daemon.heal()
    read_all([daemon for daemon, _ in faulty])
