"""A real web server over a populated registry, and clients of it."""

from __future__ import annotations

import http.client
import socket
import ssl
import statistics
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import yaml
from prometheus_client import CollectorRegistry

from monitor.metrics import Metrics
from monitor.stream.records import Partition
from monitor.web.app import build_app
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer
from tests.monitor.builders import counted, normal_errors, records

HOST = "127.0.0.1"
PARTITIONS = 64
PASSWORD = "kestrel-on-the-wire"
# With a salt that is always the same: test runners on several processors compare the names.
HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()


def metrics_of_many_partitions() -> Metrics:
    """What a daemon that reads 64 partitions has in its registry."""
    metrics = Metrics(CollectorRegistry(), (0.5, 0.9, 0.99, 0.999))
    metrics.requests.follow(["team", "trainer"])
    counted(metrics, records(normal_errors(2000)))
    metrics.lag.now = lambda: {Partition("images", n): (1000 + n, 1.5) for n in range(PARTITIONS)}
    return metrics


class Site:
    """A server that runs. port: where it listens."""

    def __init__(self, config: Path | None = None, poll_seconds: float = 0.05) -> None:
        self.metrics = metrics_of_many_partitions()
        self.watcher = ConfigWatcher(config, self.metrics.web, poll_seconds)
        self.app = build_app(self.metrics.registry, lambda: {"ready": True}, reload=lambda: None)
        self.server = WebServer(self.app, HOST, 0, self.watcher)
        self.port = int(self.server.url.rsplit(":", 1)[1])

    def value(self, name: str, **labels: str) -> float | None:
        """A metric of the web server's."""
        return self.metrics.registry.get_sample_value(f"aead_monitor_{name}", labels)


@contextmanager
def serving(config: Path | None = None, **settings: Any) -> Iterator[Site]:
    """A site from start to stop."""
    site = Site(config, **settings)
    site.server.start()
    try:
        yield site
    finally:
        site.server.stop()


def write_config(path: Path, **sections: Any) -> Path:
    """A web configuration file with these sections."""
    path.write_text(yaml.safe_dump(sections))
    return path


def trusting(authority: Path, *pair: Path) -> ssl.SSLContext:
    """A client's side of TLS; with a certificate of its own and its key, if given."""
    context = ssl.create_default_context(cafile=authority)
    if pair:
        context.load_cert_chain(*pair)
    return context


def login(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def ask(
    port: int,
    path: str = "/metrics",
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> tuple[int, bytes, Mapping[str, str]]:
    """One request on a connection of its own: status, body and headers of its answer."""
    connection = (
        http.client.HTTPSConnection(HOST, port, timeout=10, context=tls)
        if tls
        else http.client.HTTPConnection(HOST, port, timeout=10)
    )
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def scrape_seconds(port: int, tls: ssl.SSLContext | None = None, count: int = 9) -> float:
    """The median time of some scrapes, each on a new connection."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        status, body, _ = ask(port, tls=tls)
        times.append(time.perf_counter() - begun)
        assert status == 200
        assert body.count(b"aead_monitor_consumer_lag_records{") == PARTITIONS
    return statistics.median(times)


@contextmanager
def stalled(port: int, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Clients that connect, send this, and then nothing."""
    with ExitStack() as held:
        clients = [
            held.enter_context(socket.create_connection((HOST, port), timeout=10))
            for _ in range(count)
        ]
        for client in clients:
            client.sendall(sent)
        yield clients
