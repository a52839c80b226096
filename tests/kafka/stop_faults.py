"""What may be wrong with one daemon when it is asked to stop."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer

from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.stops import GIVEN_UP, Daemon, address, silent_server
from tests.kafka.topics import TopicFactory, limit

TOO_SMALL, ENOUGH = 80, 2**20
"""Bytes of a message that a topic takes."""
SLOW_ID, SLOW_BYTES = "slow", 300
"""A daemon of this name sends so many bytes a second."""
WRITTEN = Path(__file__).parents[1] / "compatibility" / "written_before" / "state" / "requests"
PLAIN = {"transactions": False}
BOTH = ({"client": "kafka-python"}, {"client": "confluent"})
ALL = tuple({**client, "transactions": tx} for client in BOTH for tx in (False, True))

Step = Callable[[Daemon, Broker], None]


def nothing(daemon: Daemon, broker: Broker) -> None:
    """No step is needed."""


@dataclass(frozen=True)
class Fault:
    """bring: after the daemon has read the first records; end: before it is started again.

    before: ahead of its first start. variants: sections kafka of the daemons that have it. more:
    other sections. reads: whether the daemon can read at all while it lasts. letters: whether it
    can publish dead letters before. code: how it ends.
    """

    bring: Step
    end: Step = nothing
    before: Step = nothing
    variants: tuple[Mapping[str, Any], ...] = BOTH
    more: Mapping[str, Any] = field(default_factory=dict)
    reads: bool = True
    letters: bool = True
    code: int = 0


def small_letters(daemon: Daemon, broker: Broker) -> None:
    """A topic that takes nothing."""
    TopicFactory(daemon.servers).create(daemon.letters)
    limit(daemon.servers, daemon.letters, TOO_SMALL)


def refused(daemon: Daemon, broker: Broker) -> None:
    daemon.send(5, bad=5)
    daemon.until_logged("publishing failed")


def larger_letters(daemon: Daemon, broker: Broker) -> None:
    limit(daemon.servers, daemon.letters, ENOUGH)


def missed(daemon: Daemon, broker: Broker) -> None:
    daemon.send(5, bad=5)
    daemon.until_logged("outputs.create_topics is false")


def slow(daemon: Daemon, broker: Broker) -> None:
    """The first messages use up what is allowed, the next ones wait for most of a minute."""
    for bad in (100, 5):
        daemon.send(5, bad=bad)
        time.sleep(1.5)


def fenced(daemon: Daemon, broker: Broker) -> None:
    """A twin has its place."""
    daemon.until_committed()
    twin = daemon.twin()
    twin.process.start()
    daemon.until_logged("another process has taken our place")


def twin_away(daemon: Daemon, broker: Broker) -> None:
    twin = daemon.twin()
    assert twin.consumed() == 0
    twin.process.stop()


def state_removed(daemon: Daemon, broker: Broker) -> None:
    daemon.until_committed()
    daemon.elsewhere = daemon.sent
    shutil.rmtree(daemon.folder / "state")
    daemon.send(5, bad=5)
    daemon.until_logged("cannot write the snapshot")


def disk_hangs(daemon: Daemon, broker: Broker) -> None:
    daemon.order("snapshot_write hang")
    daemon.send(5, bad=5)
    time.sleep(2.0)


def disk_full(daemon: Daemon, broker: Broker) -> None:
    daemon.order("snapshot_write fail")
    daemon.send(5, bad=5)
    daemon.until_logged("cannot write the snapshot")


def made_anew(daemon: Daemon, broker: Broker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=daemon.servers)
    admin.delete_topics([daemon.topic])
    wait_until(lambda: daemon.topic not in admin.list_topics(), 30, lambda: "the topic stays")
    admin.close()
    daemon.create()
    daemon.sent = 0


def wild_clocks(daemon: Daemon, broker: Broker) -> None:
    producer = KafkaProducer(bootstrap_servers=daemon.servers)
    for moment in (0, 10**15, 4 * 10**12, int(time.time()), 1):
        producer.send(daemon.topic, daemon.rows[0], timestamp_ms=moment, partition=0)
        daemon.sent += 1
    producer.close()


SILENT = silent_server()
HELD: list[socket.socket] = []


def hold_connections(daemon: Daemon, broker: Broker) -> None:
    """One that says half a request, one that does not read what it is told."""
    for words in (b"GET /api/status HT", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 50):
        HELD.append(socket.create_connection(("127.0.0.1", daemon.port)))
        HELD[-1].sendall(words)


def let_go(daemon: Daemon, broker: Broker) -> None:
    while HELD:
        HELD.pop().close()


def put_request(daemon: Daemon, broker: Broker) -> None:
    """A request for a new model that waits for its receiver."""
    (written,) = WRITTEN.glob("*.json")
    request = json.loads(written.read_text())
    waiting = {**request["deliveries"]["training"], "state": "waiting"}
    request["deliveries"] = {"team": waiting}
    folder = daemon.folder / "state" / "requests"
    folder.mkdir(parents=True)
    (folder / written.name).write_text(json.dumps(request))


def started(daemon: Daemon, broker: Broker) -> None:
    daemon.until_logged("started")


def a_while(daemon: Daemon, broker: Broker) -> None:
    time.sleep(2.0)


NO_ANSWER = f"http://{address(SILENT)}/"
TEAM = {"name": "team", "kind": "http", "url": NO_ANSWER}
MLFLOW = {"tracking_uri": NO_ANSWER, "name": "m", "cache": "cache"}

FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "outputs": {
        "refusing": Fault(refused, larger_letters, small_letters, ALL, letters=False),
        "missing": Fault(missed, more={"outputs": {"create_topics": False}}, letters=False),
        "slow": Fault(slow, variants=tuple({**c, "client_id": SLOW_ID} for c in BOTH)),
    },
    "its place and its folder": {
        "fenced": Fault(fenced, twin_away, variants=(
            {"client": "kafka-python", "instance": "one"},
            {"client": "confluent", "instance": "one", "transactions": True},
        )),
        "state removed": Fault(state_removed, variants=BOTH[:1]),
        "disk hangs": Fault(disk_hangs, variants=BOTH[:1], code=GIVEN_UP),
        "disk full": Fault(disk_full, variants=BOTH[:1]),
        "topic made anew": Fault(made_anew),
    },
    "others": {
        "clocks wild": Fault(wild_clocks, variants=BOTH[:1]),
        "pages held": Fault(hold_connections, let_go, variants=BOTH[:1]),
        "receiver silent": Fault(
            nothing, before=put_request, variants=BOTH[:1],
            more={"retraining": {"receivers": [TEAM]}},
        ),
        "registry silent": Fault(
            a_while, variants=BOTH[:1], reads=False, code=GIVEN_UP,
            more={"model": None, "registry": {"mlflow": MLFLOW}},
        ),
        "bootstrap silent": Fault(
            a_while, reads=False,
            variants=tuple({**c, "bootstrap_servers": address(SILENT)} for c in BOTH),
        ),
        "not assigned yet": Fault(started, reads=False, variants=ALL),
    },
}  # fmt: skip
