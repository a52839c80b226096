"""The private parts of kafka-python: each is there, and one that is not is told in one line."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CommitFailedError, KafkaError
from kafka.net.transport import KafkaTCPTransport
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from monitor.errors import LibraryError
from monitor.stream import kafka_private
from monitor.stream.kafka_options import Connection, connect
from monitor.stream.kafka_private import (
    PARTS,
    OffsetsOfGeneration,
    cooperative_assignor,
    parts,
    pin_commits,
)
from tests.kafka.process import wait_until
from tests.monitor.stream.lacking import change

ALL = sorted({part for needed in PARTS.values() for part in needed})
MODULES = sorted({part.split(":")[0] for part in ALL} - {"consumer", "network"})
OTHER_SHAPES = {
    "kafka.net.compat:KafkaNetClient": None,
    "kafka.net.transport:KafkaSSLTransport": object,
    "network:_manager._build_transport": lambda *arguments: None,
    "kafka.net.connection:KafkaConnection.init_future": None,
    "consumer:_coordinator.rejoining": lambda: False,
    "consumer:metrics().consumer-metrics.connection-count": "0",
    "consumer:_fetcher._paused_partition_records": [],
    "kafka.record.default_records:DefaultRecordBatch.next_offset": lambda self: 10,
}
CONFIG = """\
model: ./model
kafka: {topic: images, bootstrap_servers: "127.0.0.1:9"}
codec: {name: raw}
"""


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    """As in a new process, which has not looked yet."""
    parts._checked.cache_clear()
    yield
    parts._checked.cache_clear()


def test_the_installed_library_has_all_parts() -> None:
    before = threading.active_count()
    kafka_private.check()
    assert threading.active_count() == before


def refusal() -> str:
    with pytest.raises(LibraryError) as caught:
        kafka_private.check()
    text = str(caught.value)
    assert "\n" not in text
    assert "tested with kafka-python 3.0.12" in text
    assert "pip install 'kafka-python==3.0.12'" in text
    return text


@pytest.mark.parametrize("part", ALL)
def test_a_missing_part_is_named(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, part)
    assert f"its private part {part}" in refusal()


@pytest.mark.parametrize("part", OTHER_SHAPES)
def test_a_part_of_another_shape_is_named(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, part, OTHER_SHAPES[part])
    assert f"its private part {part} is not what it was" in refusal()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_has_moved_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert f"its private part {module}:" in refusal()


def test_the_version_that_is_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kafka.__version__", "3.1.0")
    change(monkeypatch, "consumer:_net.sleep")
    assert refusal().startswith("kafka-python 3.1.0 does not fit")


def test_a_claim_that_does_not_reach_the_group_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

    nothing = SimpleNamespace(owned_partitions=[])
    monkeypatch.setattr(CooperativeStickyAssignor, "metadata", lambda self, topics: nothing)
    assert "does not claim what it is told to" in refusal()


def test_a_traceback_that_does_not_show_the_batch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from kafka.consumer.fetcher import Fetcher

    take = Fetcher.PartitionRecords.take

    def hiding(self: object, count: int) -> object:
        try:
            return take(self, count)
        except KafkaError as error:
            raise error.with_traceback(None) from None

    monkeypatch.setattr(Fetcher.PartitionRecords, "take", hiding)
    assert "does not show a damaged batch in a traceback" in refusal()


def test_a_consumer_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> None:
        raise TypeError("unexpected keyword argument 'kafka_client'")

    monkeypatch.setattr("kafka.KafkaConsumer", refuse)
    assert "unexpected keyword argument 'kafka_client'" in refusal()


def test_nothing_is_connected_with_a_library_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch, "consumer:_net.sleep")
    with pytest.raises(LibraryError):
        connect(lambda **options: pytest.fail("a client was made"))


def without(module: str, then: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code where a module of kafka-python is not to be found; None: all of ours."""
    code = (
        f"import sys, kafka\nfor name in {module!r}.split():\n    sys.modules[name] = None\n{then}"
    )
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_module_can_be_imported_whatever_has_moved() -> None:
    every = """
import importlib, pkgutil, monitor
names = [m.name for m in pkgutil.walk_packages(monitor.__path__, "monitor.")]
for name in names:
    if name != "monitor.__main__":
        importlib.import_module(name)
print(len(names))
"""
    done = without(" ".join(MODULES), every)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


@pytest.mark.parametrize(
    "command",
    [("run", "--config"), ("check-config",), ("dead-letters", "list", "--config")],
    ids=lambda command: command[0],
)
def test_a_command_says_so_in_one_line_and_exits_with_2(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    config = tmp_path / "aead-monitor.yaml"
    config.write_text(CONFIG)
    start = "from monitor.cli import main; sys.exit(main(sys.argv[1:]))"
    done = without("kafka.net.transport", start, *command, str(config))
    (line,) = done.stderr.splitlines()
    assert line.startswith("aead-monitor: kafka-python 3.0.12 does not fit: its private part")
    assert "kafka.net.transport:KafkaSSLTransport is missing" in line
    assert (done.returncode, done.stdout) == (2, "")


def test_a_member_claims_what_it_owns_now_and_not_what_it_once_had() -> None:
    owned = [TopicPartition("in", 0), TopicPartition("in", 3)]
    assignor = cooperative_assignor(lambda: owned, lambda given: None)()
    assignor.on_assignment(ConsumerProtocolAssignment(1, [("in", [0, 3])], b""), 7)
    (claimed,) = assignor.metadata(["in"]).owned_partitions
    assert (claimed.topic, claimed.partitions) == ("in", [0, 3])
    owned.clear()
    assert assignor.metadata(["in"]).owned_partitions == []


def test_a_commit_is_not_made_in_a_later_generation_than_it_was_meant_for() -> None:
    made: list[object] = []

    async def send(offsets: object) -> None:
        made.append(offsets)

    now = SimpleNamespace(generation_id=7)
    coordinator = SimpleNamespace(_send_offset_commit_request=send)
    consumer = SimpleNamespace(_coordinator=coordinator, group_metadata=lambda: now)
    pin_commits(consumer)
    offsets = OffsetsOfGeneration({TopicPartition("in", 0): 5}, 7)
    asyncio.run(coordinator._send_offset_commit_request(offsets))
    now.generation_id = 8  # a rebalance, while the commit is tried again
    with pytest.raises(CommitFailedError, match="generation 8, and 7 was"):
        asyncio.run(coordinator._send_offset_commit_request(offsets))
    assert made == [{TopicPartition("in", 0): 5}]


def test_a_client_that_cannot_connect_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KafkaError):
        connect(KafkaConsumer, **Connection("127.0.0.1:9").options(bootstrap_seconds=0.3))
    left = lambda: set(threading.enumerate()) - before  # noqa: E731
    wait_until(lambda: not left(), 30, lambda: f"{left()}")


def test_what_came_before_the_end_is_handed_over_by_our_own_connections_only() -> None:
    async def build(*arguments: object, **settings: object) -> KafkaTCPTransport:
        return after_the_end(b"refused")

    manager = SimpleNamespace(_build_transport=build)
    kafka_private.keep_last_words(SimpleNamespace(_manager=manager))
    ours = asyncio.run(manager._build_transport())
    assert ours._sock_recv() == (b"refused", None)
    data, error = ours._sock_recv()
    assert data == b""
    assert "socket disconnected" in str(error)
    ours._sock.close()
    others = after_the_end(b"refused")
    data, error = others._sock_recv()
    assert (data, "socket disconnected" in str(error)) == (b"refused", True)
    others._sock.close()


def after_the_end(data: bytes) -> KafkaTCPTransport:
    """A connection whose other end has sent this and closed."""
    near, far = socket.socketpair()
    far.sendall(data)
    far.close()
    near.setblocking(False)
    return KafkaTCPTransport(None, near)


def test_what_was_fetched_of_a_paused_partition_is_forgotten() -> None:
    key, other = TopicPartition("in", 0), TopicPartition("in", 1)
    with parts._unconnected() as known:
        fetcher = known["consumer"]._fetcher
        fetcher._paused_partition_records.update({key: object(), other: object()})
        fetcher._paused_completed_fetches[key] = object()
        kafka_private.forget_fetched(known["consumer"], key)
        assert fetcher._paused_partition_records.keys() == {other}
        assert fetcher._paused_completed_fetches == {}
