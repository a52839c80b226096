"""Daemons that are asked to stop while something is wrong, and started again without it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from monitor.stream.kafka_options import Connection
from monitor.stream.records import Partition
from monitor.stream.sources.survey import stored_offsets
from tests.failpoints import VARIABLE
from tests.kafka import kafkacat
from tests.kafka.process import ProductProcess, free_ports, wait_until
from tests.kafka.topics import TopicFactory, new_name, until_decided
from tests.kafka.watchers import send

T, R = TypeVar("T"), TypeVar("R")

STOP_SECONDS = 5.0
"""shutdown_seconds of all daemons here."""
GIVEN_UP = 128 + signal.SIGTERM
"""Exit code of a daemon that could not finish in time."""
READY_SECONDS = 30.0
TWICE_SECONDS = 0.5
"""So soon after all is counted, what is read again is counted, too."""
ANY_TIME = {
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "message.timestamp.after.max.ms": str(2**63 - 1),
}


@dataclass
class Stopped:
    """How a daemon ended. code: None if it had to be killed."""

    code: int | None
    seconds: float


@dataclass
class Daemon:
    """One daemon with a topic of its own. servers: to reach the brokers, whatever happens.

    settings: of the configuration's section kafka. more: other sections. elsewhere: records that
    another state has counted.
    """

    name: str
    folder: Path
    servers: str
    rows: Sequence[bytes]
    base: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    sent: int = 0
    bad: int = 0
    elsewhere: int = 0
    topic: str = ""
    _twin: Daemon | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.topic = self.topic or new_name(f"stops-{self.name}")
        self.port = free_ports(1)[0]
        self.orders = self.folder / "orders"
        self.order("")
        self.log = self.folder / "daemon.log"
        self._config = self.folder / "aead-monitor.yaml"
        self._write()
        self.process = self._process()

    def _process(self) -> ProductProcess:
        command = ["run", "--config", str(self._config)]
        return ProductProcess(command, self.log, {VARIABLE: str(self.orders)})

    def _write(self) -> None:
        kafka = {"bootstrap_servers": self.servers, "topic": self.topic, "group": self.topic,
                 "session_timeout_seconds": 6, **self.settings}  # fmt: skip
        values = {
            **self.base,
            "kafka": kafka,
            "http": {"port": self.port},
            "shutdown_seconds": STOP_SECONDS,
            "state": {"snapshot_seconds": 0.5},
            **self.more,
        }
        self._config.write_text(yaml.safe_dump(values))

    def heal(self) -> None:
        """Start with what is usual, next time, but with the same client and name."""
        kept = ("client", "transactions", "instance")
        self.settings = {key: value for key, value in self.settings.items() if key in kept}
        self.more = {}
        self.order("")
        self._write()

    def twin(self) -> Daemon:
        """Another daemon with the same place in the group, and a folder of its own."""
        if self._twin is None:
            folder = self.folder.with_name(f"{self.name}-twin")
            self._twin = replace(self, name=folder.name, folder=folder, sent=0)
        return self._twin

    def order(self, text: str) -> None:
        """What shall happen at which failpoint."""
        self.orders.write_text(text)

    def create(self, partitions: int = 1) -> None:
        """Make its topic, which takes any timestamp."""
        TopicFactory(self.servers).create(self.topic, partitions, ANY_TIME)

    def send(self, count: int, bad: int = 0, **options: Any) -> None:
        """Send records, the bad ones first."""
        values = [b"bad"] * bad + [self.rows[i % len(self.rows)] for i in range(count)]
        send(self.servers, self.topic, values, **options)
        self.sent += count + bad
        self.bad += bad

    def status(self) -> dict[str, Any]:
        with suppress(urllib.error.URLError, TimeoutError, ConnectionError):
            url = f"http://127.0.0.1:{self.port}/api/status"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return dict(json.load(answer))
        return {}

    def consumed(self) -> int:
        """Records scored or dead-lettered, in all its life."""
        return sum(p["consumed"] for p in self.status().get("partitions", []))

    def until_consumed(self) -> None:
        """Until all that was sent is counted, and nothing twice.

        What a state counted of a topic that was made anew is shown until that is known.
        """
        wait_until(lambda: self.consumed() + self.elsewhere == self.sent, READY_SECONDS, self.said)
        time.sleep(TWICE_SECONDS)
        assert self.consumed() + self.elsewhere == self.sent, self.said()

    def until_committed(self) -> None:
        """Until all that was sent is final."""
        partition, connection = Partition(self.topic, 0), Connection(self.servers)

        def stored() -> int:
            found = stored_offsets(connection, self.topic, [partition])
            return found[partition].offset if partition in found else 0

        wait_until(lambda: stored() >= self.sent, READY_SECONDS, self.said)

    def until_logged(self, text: str) -> None:
        wait_until(lambda: text in self.log.read_text(), READY_SECONDS, self.said)

    def said(self) -> str:
        """For whoever waits in vain."""
        end = self.log.read_text()[-3000:]
        return f"{self.name}: {self.consumed()} of {self.sent} consumed; {end}"

    def terminated(self) -> Stopped:
        """SIGTERM, and how it ends."""
        began = time.monotonic()
        self.process.signal(signal.SIGTERM)
        try:
            code: int | None = self.process.wait(6 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        seconds = time.monotonic() - began
        self.process.kill()
        return Stopped(code, seconds)

    @property
    def letters(self) -> str:
        """The topic of its dead letters."""
        return f"{self.topic}.dead-letters"

    def dead_letters(self) -> set[str]:
        """The offsets of its dead letters: those that were sent twice count once."""
        until_decided(self.servers, self.letters)
        found = kafkacat.consume(self.servers, self.letters)
        headers = [dict(message.headers) for message in found]
        return {h["aead.offset"].decode() for h in headers}


def at_once(do: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """For all, beside each other."""
    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(do, items))


def silent_server() -> socket.socket:
    """Takes connections and never says a word."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def address(server: socket.socket) -> str:
    """HOST:PORT."""
    return f"127.0.0.1:{server.getsockname()[1]}"
