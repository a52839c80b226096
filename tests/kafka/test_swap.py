"""Models change while records flow through a real broker: every record is scored once, by one."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import load
from models.recipe import train
from models.settings import TrainingSettings
from monitor.demo.daemon_process import DaemonProcess
from monitor.drift.judge_state import decode
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.state.ledger import Ledger
from tests import product
from tests.chaos.ledger import ANOMALOUS_EVERY, TRAINING, make_bundle, read_all, vector
from tests.chaos.member import Member
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import total, wait_for_status
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watch, send
from tests.monitor.builders import VERSION, candidate
from tests.monitor.model_in_use.swaps import NEW, NEW_THRESHOLD, OLD_THRESHOLD, new
from tests.share import share

SECONDS = 90.0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two models of the same records, and one that is damaged."""
    folder = tmp_path_factory.mktemp("bundles")
    found = {name: folder / name for name in ("a", "b", "broken")}
    make_bundle(found["a"])
    numbers = (n for n in range(TRAINING, TRAINING + 3100) if n % ANOMALOUS_EVERY != 3)
    settings = TrainingSettings(architecture="dense", epochs=3, seed=1, device="cpu")
    train(np.stack([vector(number) for number in numbers]), found["b"], settings)
    shutil.copytree(found["b"], found["broken"])
    weights = found["broken"] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    return found


def versions(servers: str, topic: str) -> dict[tuple[int, int], str]:
    """The model that called each record anomalous, by partition and offset; each at most once."""
    found: dict[tuple[int, int], str] = {}
    for message in kafkacat.consume(servers, f"{topic}.anomalies"):
        body = json.loads(message.value or b"")
        place = body["partition"], body["offset"]
        assert place not in found
        found[place] = body["model_version"]
    return found


@pytest.mark.parametrize("client", ["kafka-python"], indirect=True)
def test_models_change_twenty_times_while_records_flow(
    watch: Watch, broker: Broker, topic: TopicFactory
) -> None:
    name, slot = topic(partitions=2), ModelSlot(candidate())
    servers = broker.bootstrap_servers
    watcher = watch(name, slot=slot)
    for number in range(20):
        for partition in (0, 1):
            send(servers, name, [b"1e6"] * 100, partition)
        slot.put(candidate() if number % 2 else new())
        watcher.until(lambda: slot.version is None)
    watcher.until_consumed(4000)
    watcher.until(lambda: watcher.sample("model_swaps_total") == 20)
    watcher.stop()
    found = versions(servers, name)
    assert sorted(found) == [(p, offset) for p in (0, 1) for offset in range(2000)]
    for message in kafkacat.consume(servers, f"{name}.anomalies"):
        body = json.loads(message.value or b"")
        expected = {VERSION: OLD_THRESHOLD, NEW: NEW_THRESHOLD}
        assert body["threshold"] == expected[body["model_version"]]
    for partition in (0, 1):
        in_order = [found[partition, offset] for offset in range(2000)]
        assert len(list(itertools.groupby(in_order))) <= 21
    assert {p: t.scored for p, t in watcher.totals.items()} == {0: 2000, 1: 2000}


def settings(servers: str, topic: str, model: Path, **changes: Any) -> dict[str, Any]:
    kafka = {
        "bootstrap_servers": servers, "topic": topic, "group": topic, "session_timeout_seconds": 6
    }  # fmt: skip
    return {
        "model": str(model),
        "kafka": kafka | changes.pop("kafka", {}),
        "codec": {"name": "raw", "dtype": "float32"},
        "batch": {"linger_seconds": 0.05},
        "state": {"snapshot_seconds": 0.5},
        "drift": {"guard_seconds": 0},
        "threads": 1,
        **changes,
    }


def feed(servers: str, topic: str, first: int, count: int, factor: float = 1.0) -> None:
    numbers = range(first, first + count)
    send(servers, topic, [(vector(n) * np.float32(factor)).tobytes() for n in numbers])


def put(link: Path, folder: Path) -> None:
    """Set a link to a folder, at once."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    fresh.replace(link)


@pytest.fixture
def process(
    broker: Broker, topic: TopicFactory, bundles: dict[str, Path], tmp_path: Path
) -> Iterator[Any]:
    """Starts `aead-monitor run` on a link to model a."""
    started: list[DaemonProcess] = []

    def begin(**changes: Any) -> tuple[DaemonProcess, str]:
        put(tmp_path / "model", bundles["a"])
        name = topic()
        values = settings(broker.bootstrap_servers, name, tmp_path / "model", **changes)
        started.append(DaemonProcess(tmp_path, values, launch=product.launch))
        return started[-1], name

    yield begin
    for daemon in started:
        assert daemon.stop() == 0, daemon.log.read_text()


def wait_for_log(daemon: DaemonProcess, text: str) -> None:
    wait_until(lambda: text in daemon.log.read_text(), SECONDS, daemon.log.read_text)


def test_a_sighup_brings_a_whole_model_and_a_broken_one_changes_nothing(
    process: Any, broker: Broker, bundles: dict[str, Path], tmp_path: Path
) -> None:
    servers = broker.bootstrap_servers
    daemon, name = process(reload={"follow": False})
    old, fresh = load(bundles["a"]).version, load(bundles["b"]).version
    feed(servers, name, 0, 1000)
    wait_for_status(daemon, lambda s: total(s, "scored") == 1000)

    put(tmp_path / "model", bundles["broken"])
    os.kill(daemon.pid, signal.SIGHUP)
    wait_for_log(daemon, "a new model is not taken; the one in use stays")
    feed(servers, name, 1000, 1000)
    status = wait_for_status(daemon, lambda s: total(s, "scored") == 2000)
    assert status["model"]["version"] == old

    put(tmp_path / "model", bundles["b"])
    time.sleep(1)  # nobody has asked: it must not look
    assert daemon.status()["model"]["version"] == old
    os.kill(daemon.pid, signal.SIGHUP)
    status = wait_for_status(daemon, lambda s: s["model"]["version"] == fresh)
    assert status["model"]["threshold"] == load(bundles["b"]).reference.threshold
    feed(servers, name, 2000, 1000)
    wait_for_status(daemon, lambda s: total(s, "scored") == 3000)
    expected = {(0, n): old if n < 2000 else fresh for n in range(3000) if n % 250 == 3}
    found = versions(servers, name)
    assert {place: found[place] for place in expected} == expected
    assert all(version == (old if n < 2000 else fresh) for (_, n), version in found.items())


def test_a_bundle_that_is_put_in_place_is_followed_by_itself(
    process: Any, broker: Broker, bundles: dict[str, Path], tmp_path: Path
) -> None:
    daemon, name = process(reload={"poll_seconds": 0.2}, shadow=str(bundles["b"]))
    feed(broker.bootstrap_servers, name, 0, 1000)
    wait_for_status(daemon, lambda s: total(s, "scored") == 1000)
    put(tmp_path / "model", bundles["broken"])
    wait_for_log(daemon, "a new model is not taken; the one in use stays")
    put(tmp_path / "model", bundles["b"])
    fresh = load(bundles["b"]).version
    status = wait_for_status(daemon, lambda s: s["model"]["version"] == fresh)
    assert total(status, "scored") == 1000


KILLED_AT = ("model_replaced", "handover_told", "offsets_committed")


@pytest.mark.parametrize("place", share("kills in a swap", KILLED_AT, 1))
def test_a_kill_in_a_swap_with_transactions_repeats_nothing(
    place: str, broker: Broker, topic: TopicFactory, bundles: dict[str, Path], tmp_path: Path
) -> None:
    servers, name, link = broker.bootstrap_servers, topic(), tmp_path / "model"
    put(link, bundles["a"])
    values = settings(
        servers, name, link, reload={"poll_seconds": 0.2}, kafka={"transactions": True}
    )
    member = Member("one", tmp_path, values)
    try:
        member.start()
        feed(servers, name, 0, 1500)
        feed(servers, name, 1500, 1500, factor=4.0)
        wait_until(lambda: scored(member) == 3000, SECONDS, member.log.read_text)
        assert alerts(servers, name)[-1]["event"] == "firing"
        # The stream rests, and all is committed: the next snapshot and commit are the swap's.
        member.order(f"{place} kill")
        put(link, bundles["b"])
        assert member.wait_for_death(SECONDS), member.log.read_text()
        member.start()
        feed(servers, name, 3000, 1000)
        wait_until(lambda: scored(member) == 4000, SECONDS, member.log.read_text)
        member.stop()
    finally:
        member.kill()
    old, fresh = load(bundles["a"]).version, load(bundles["b"]).version
    (end,) = [a for a in alerts(servers, name) if "model replaced" in a["verdict"]["explanation"]]
    assert (end["event"], end["model_version"]) == ("resolved", old)
    ids = [a["id"] for a in alerts(servers, name)]
    assert len(ids) == len(set(ids))
    anomalies = read_all(servers, f"{name}.anomalies", 1, True)
    keys = [key for _, _, key, _ in anomalies]
    assert len(keys) == len(set(keys))
    snapshot = member.snapshot()
    assert snapshot is not None
    assert snapshot.model_version == fresh


def scored(member: Member) -> int:
    """Records that the accepted snapshot counts."""
    try:
        snapshot = member.snapshot()
    except FileNotFoundError:  # just being replaced
        return -1
    if snapshot is None:
        return 0
    ledger = Ledger()
    ledger.restore(decode(snapshot.memory, MEMORY_SCHEMA)["ledger"])
    return sum(totals.scored for totals in ledger.totals.values())


def alerts(servers: str, topic: str) -> list[dict[str, Any]]:
    """What a reader of committed alerts sees."""
    found = read_all(servers, f"{topic}.alerts", 1, True)
    return [json.loads(value or b"") for _, _, _, value in found]
