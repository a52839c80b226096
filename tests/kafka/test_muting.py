"""Muted on a real broker: an episode that begins meanwhile is told once, when the mute is over."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from monitor.daemon.assembly.kafka import make_sink, make_transactional_sink
from monitor.daemon.muting import Muting
from monitor.daemon.publisher import Publisher, TransactionalPublisher
from monitor.metrics import Metrics
from monitor.state.mute_file import MuteFile
from monitor.state.mutes import BY_HAND, Once
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks.topics import Topics
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory, until_decided
from tests.kafka.watchers import Watch, Watcher, send
from tests.monitor.builders import normal_errors

NORMAL, DRIFT = 2000, 2000


def values(count: int, seed: int, scale: float) -> list[bytes | None]:
    return [repr(float(error)).encode() for error in normal_errors(count, seed, scale)]


def told(servers: str, topic: str) -> list[tuple[str, str | None]]:
    """Event and reason of each alert that a reader of committed messages sees."""
    until_decided(servers, f"{topic}.alerts")
    bodies = [json.loads(m.value or b"") for m in kafkacat.consume(servers, f"{topic}.alerts")]
    return [(body["event"], body.get("muted")) for body in bodies]


@pytest.mark.parametrize("transactions", [False, True], ids=["plain", "transactions"])
def test_an_episode_that_begins_muted_is_told_once_when_the_mute_is_over(
    transactions: bool, client: str, broker: Broker, topic: TopicFactory, watch: Watch,
    tmp_path: Path,
) -> None:  # fmt: skip
    name, servers = topic(), broker.bootstrap_servers
    outputs = {kind: f"{name}.{end}" for kind, end in (
        ("anomaly", "anomalies"), ("dead_letter", "dead-letters"), ("alert", "alerts"),
    )}  # fmt: skip
    file = MuteFile(tmp_path / "one")
    (tmp_path / "one").mkdir()

    def publishing(metrics: Metrics) -> Publisher:
        connection, topics = Connection(servers), Topics(outputs)
        if not transactions:
            return Publisher(make_sink(client, connection, topics), metrics)
        return TransactionalPublisher(
            make_transactional_sink(client, connection, topics, f"{name}-one"), metrics
        )

    def begin() -> Watcher:
        return watch(
            name,
            mute=lambda metrics, board: Muting((), file, metrics, board),
            publishing=publishing,
        )

    file.write(Once(BY_HAND, "a new lamp", time.time(), time.time() + 3600))
    watcher = begin()
    send(servers, name, values(NORMAL, 1, 1.0) + values(DRIFT, 2, 3.0))
    watcher.until_consumed(NORMAL + DRIFT)
    watcher.until(lambda: watcher.sample("alerts_withheld_total", event="firing") == 1)
    watcher.stop()
    watcher = begin()  # muted from the start, and nothing is forgotten
    send(servers, name, values(500, 3, 3.0))
    watcher.until_consumed(NORMAL + DRIFT + 500)
    assert watcher.sample("muted") == 1
    assert watcher.sample("alerts_total", event="firing") == 0
    file.remove()  # no record comes
    watcher.until(lambda: watcher.sample("alerts_total", event="firing") == 1)
    watcher.until(lambda: told(servers, name) == [("firing", "a new lamp")])
    watcher.stop()
    watcher = begin()
    send(servers, name, values(500, 4, 3.0))
    watcher.until_consumed(NORMAL + DRIFT + 1000)
    watcher.stop()
    assert told(servers, name) == [("firing", "a new lamp")]
