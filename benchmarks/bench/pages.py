"""How fast pages and metrics answer while the daemon works as fast as it can.

Asked one after the other, in turns, on new connections: the page, its sections, the status and the
metrics of a daemon that works off a full topic, and beside them a bare Starlette that answers with
as many bytes and does nothing else. Then the same again with twenty people on the page.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.bench import visitors
from benchmarks.bench.daemons import Subject, Topic, subject
from benchmarks.bench.kinds import vector
from benchmarks.bench.lines import Cell, Result, Table
from benchmarks.bench.running import Run
from tests.kafka.process import free_ports

TITLE = "pages and metrics while the daemon works as fast as it can"
FEATURES, PARTITIONS = 16, 4
RECORDS = 4_096_000
SECONDS, SHORT_SECONDS = 20.0, 3.0
PEOPLE = 20
PATHS = ("/", "/sections", "/api/status", "/metrics")
HEADER = ("answer", "times", "p50, ms", "p95, ms", "largest, ms", "bytes")
BARE = "bare Starlette"
START_SECONDS = 30.0
SETTINGS = {"evidence": "records"}


def run(run: Run) -> Result:
    """A table alone, and one with people on the page."""
    kind, seconds = vector(FEATURES), SHORT_SECONDS if run.short else SECONDS
    topic = Topic(run.broker.bootstrap_servers, kind, PARTITIONS)
    topic.fill(20_480)
    result = Result()
    with subject(topic, kind, run.fresh_folder("pages"), SETTINGS) as daemon:
        for people in run.each((0, PEOPLE), lambda each: f"{each} people"):
            topic.fill(run.records(RECORDS))
            result.tables.append(under_load(daemon, topic, people, seconds))
            daemon.go_on()
            daemon.wait_for_all()
            daemon.hold()
    return result


def under_load(daemon: Subject, topic: Topic, people: int, seconds: float) -> Table:
    """What was answered while records were worked off. Raises RuntimeError if there were too few.

    people: on the page besides.
    """
    daemon.go_on()
    time.sleep(1.0)  # a stopped process has much to catch up with
    with bare_server(len(read(daemon.url + "/"))) as bare, staying(daemon.url, people, seconds):
        before, began = daemon.decided(), time.monotonic()
        asked = {**{path: daemon.url + path for path in PATHS}, BARE: bare}
        took, sizes = in_turns(asked, seconds)
        last, passed = daemon.decided(), time.monotonic() - began
    daemon.hold()
    if last >= topic.sent:
        raise RuntimeError("all records were worked off before the measurement ended")
    rows = [row(name, took[name], sizes[name]) for name in asked]
    rate = (last - before) / passed
    title = f"{people} people on the page, {rate:,.0f} records/s decided on meanwhile"
    return Table(title, HEADER, rows)


def in_turns(
    asked: dict[str, str], seconds: float
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds that each answer took, and its bytes at last."""
    took: dict[str, list[float]] = {name: [] for name in asked}
    sizes: dict[str, int] = {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, url in asked.items():
            began = time.perf_counter()
            sizes[name] = len(read(url))
            took[name].append(time.perf_counter() - began)
    return took, sizes


def row(name: str, took: list[float], size: int) -> tuple[Cell, ...]:
    """Of a table."""
    p50, p95, largest = (1000 * float(q) for q in np.quantile(took, (0.5, 0.95, 1)))
    return (name, len(took), p50, p95, largest, size)


def read(url: str) -> bytes:
    """An answer on a connection of its own."""
    with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:
        return bytes(answer.read())


@contextmanager
def staying(url: str, people: int, seconds: float) -> Iterator[None]:
    """With people on the page. Raises RuntimeError if one of them got no answer."""
    if not people:
        yield
        return
    came = visitors.start(url, people, seconds)
    yield
    said, _ = came.communicate(timeout=seconds + START_SECONDS)
    answers, failures = map(int, said.split())
    if failures or not answers:
        raise RuntimeError(f"people on the page got {answers} answers, and {failures} none")


@contextmanager
def bare_server(size: int) -> Iterator[str]:
    """The address of a Starlette that answers with so many bytes, in a process of its own."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.bench.bare_page", str(port), str(size)]
    serving = subprocess.Popen(command)
    try:
        url, until = f"http://127.0.0.1:{port}/", time.monotonic() + START_SECONDS
        while True:
            try:
                read(url)
                break
            except OSError:
                if time.monotonic() > until or serving.poll() is not None:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        serving.terminate()
        serving.wait(START_SECONDS)
