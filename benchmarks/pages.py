"""How fast the pages answer while a daemon works as hard as it can, and what readers cost it.

    python -m benchmarks.pages

A daemon with a dense model of 32 values reads an endless stream from memory, with evidence of
records. Asked by turns: the status page, and a bare Starlette answer of as many bytes, by the same
web server; then both again, and a scrape, while 20 people have the page open.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from models.recipe import train
from models.settings import TrainingSettings
from monitor.config.file import load
from monitor.daemon.assembly.daemon import build
from monitor.daemon.loop import Daemon
from monitor.daemon.publisher import Publisher
from monitor.metrics import Metrics
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources import Polled
from monitor.stream.sources.memory import MemorySource
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer

VALUES: Final = 32
READERS: Final = 20
EVERY_SECONDS: Final = 2.0
CONFIG: Final = """
model: {folder}/model
kafka: {{topic: in, bootstrap_servers: "127.0.0.1:1"}}
codec: {{name: raw}}
state: {{directory: {folder}/state}}
http: {{port: 0}}
evidence: records
"""


class Endless(MemorySource):
    """Always has as many more records as are wanted."""

    def __init__(self, payloads: list[bytes]) -> None:
        super().__init__([Record("in", 0, 0, 0, None, payloads[0])])
        self._payloads, self._count = payloads, 1

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """So many more."""
        now = int(1000 * time.time())
        first, self._count = self._count, self._count + max_records
        (partition,) = self._records
        self._records[partition] = [
            Record("in", 0, n, now, None, self._payloads[n % len(self._payloads)])
            for n in range(first, self._count)
        ]
        return super().poll(timeout_seconds, max_records)


def rows(count: int, seed: int) -> np.ndarray:
    """Normal records, and one in a thousand that is not."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(4, VALUES))
    found = generator.normal(size=(count, 4)) @ mixing + 0.1 * generator.normal(
        size=(count, VALUES)
    )
    found[::1000] += 3 * generator.normal(size=found[::1000].shape)
    return found.astype(np.float32)


def built(folder: Path) -> Daemon:
    """A daemon that reads from memory."""
    settings = TrainingSettings(architecture="dense", epochs=3, device="cpu", ordered=True)
    train(rows(8000, 1), folder / "model", settings)
    (folder / "aead-monitor.yaml").write_text(CONFIG.format(folder=folder))
    parts = build(load(str(folder / "aead-monitor.yaml")), threading.Event()).parts
    source = Endless([row.tobytes() for row in rows(8192, 2)])
    publisher = Publisher(MemorySink(), parts.metrics)
    return Daemon(replace(parts, source=source, publisher=publisher, follower=None))


@contextmanager
def running(daemon: Daemon) -> Iterator[str]:
    """Its address, while it runs."""
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon.parts.web.url
    finally:
        daemon.stop()
        thread.join(30)


@contextmanager
def bare(size: int) -> Iterator[str]:
    """A Starlette application that answers so many bytes."""
    text = "x" * size
    app = Starlette(routes=[Route("/", lambda request: _answer(request, text))])
    metrics = Metrics(CollectorRegistry(), (0.5,))
    server = WebServer(app, "127.0.0.1", 0, ConfigWatcher(None, metrics.web))
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def _answer(request: Request, text: str) -> HTMLResponse:
    return HTMLResponse(text)


def asked(url: str) -> tuple[float, int]:
    """Milliseconds until an answer is read, and its bytes."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=30) as answer:
        size = len(answer.read())
    return 1000 * (time.perf_counter() - began), size


@contextmanager
def readers(url: str) -> Iterator[None]:
    """People with the page open, who ask as its script does."""
    ending = threading.Event()

    def read(delay: float) -> None:
        ending.wait(delay)
        while not ending.is_set():
            for path in ("/sections", "/api/timeline?span=minutes"):
                asked(url + path)
            ending.wait(EVERY_SECONDS)

    people = [
        threading.Thread(target=read, args=(EVERY_SECONDS * i / READERS,)) for i in range(READERS)
    ]
    for each in people:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in people:
            each.join(30)


def told(name: str, milliseconds: list[float]) -> None:
    """A line of the table."""
    ordered = sorted(milliseconds)
    print(
        f"{name:34}{statistics.median(ordered):8.1f}{ordered[int(0.99 * len(ordered))]:8.1f}",
        flush=True,
    )


def rate(daemon: Daemon, seconds: float) -> float:
    """Records a second of the daemon."""
    totals = daemon.parts.pipeline.ledger.totals
    before = sum(each.consumed for each in dict(totals).values())
    time.sleep(seconds)
    return (sum(each.consumed for each in dict(totals).values()) - before) / seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        daemon = built(Path(work))
        with running(daemon) as url:
            time.sleep(20)  # until all that the page can show is there
            size = asked(f"{url}/")[1]
            print(f"page: {size / 1000:.0f} kB; milliseconds  median     p99")
            with bare(size) as plain:
                for name in ("alone", f"with {READERS} readers"):
                    addresses = {"page": f"{url}/", "bare": plain}
                    if name != "alone":
                        addresses["scrape"] = f"{url}/metrics"
                    with readers(url) if name != "alone" else _nobody():
                        found = {what: [] for what in addresses}  # type: dict[str, list[float]]
                        for _ in range(options.rounds):
                            for what, address in addresses.items():
                                found[what].append(asked(address)[0])
                        for what, times in found.items():
                            told(f"{what}, {name}", times)
                        print(f"records a second, {name}: {rate(daemon, 5):,.0f}", flush=True)


@contextmanager
def _nobody() -> Iterator[None]:
    yield


if __name__ == "__main__":
    main()
