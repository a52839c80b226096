"""Millions of records through a real broker, watching what the daemon holds on to.

`python -m tests.chaos.soak` prints memory, file descriptors and threads as it goes, and fails
if memory grows by 5% after the first tenth, or if files or threads change.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from confluent_kafka import Producer

from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.chaos.ledger import FEATURES, make_bundle
from tests.kafka.broker import Broker
from tests.kafka.cli import total
from tests.kafka.topics import TopicFactory

GROWTH = 0.05
PARTITIONS = 4
AHEAD = 200_000
"""The producer waits when the daemon is so many records behind."""
BAD_EVERY = 1000
SAMPLE_SECONDS = 2.0
LOOKS, LOOK_SECONDS = 5, 0.1
STALL_SECONDS = 120.0


@dataclass(frozen=True)
class Sample:
    """What a process holds: resident bytes, open files, threads, after so many records.

    The least of some looks: a commit has a thread of its own while it lasts.
    """

    records: int
    resident: int
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int, records: int) -> Sample:
        """Read it from the kernel, over half a second."""
        looks = []
        for _ in range(LOOKS):
            looks.append(cls._now(pid))
            time.sleep(LOOK_SECONDS)
        return cls(records, *(min(seen) for seen in zip(*looks, strict=True)))

    @staticmethod
    def _now(pid: int) -> tuple[int, int, int]:
        folder = Path(f"/proc/{pid}")
        status = dict(
            line.split(":", 1)
            for line in (folder / "status").read_text().splitlines()
            if ":" in line
        )
        resident = 1024 * int(status["VmRSS"].split()[0])
        files = len(list((folder / "fd").iterdir()))
        return resident, files, int(status["Threads"])


def main() -> None:
    """Read the command line, run, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=3_000_000)
    parser.add_argument("--client", default="kafka-python", help="kafka.client of the daemon")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aead-soak-") as folder:
        samples = soak(Path(folder), options.records, options.client)
    print(verdict(samples, options.records))


def soak(folder: Path, records: int, client: str = "kafka-python") -> list[Sample]:
    """Send the records and watch the daemon until it has decided on all of them."""
    make_bundle(folder / "model")
    (folder / "kafka").mkdir()
    broker = Broker(folder / "kafka")
    broker.start()
    try:
        topic = TopicFactory(broker.bootstrap_servers)(PARTITIONS)
        daemon = DaemonProcess(
            folder,
            settings_of(broker.bootstrap_servers, topic, folder, client),
            launch=product.launch,
        )
        try:
            return _watch(daemon, broker.bootstrap_servers, topic, records)
        finally:
            daemon.stop()
    finally:
        broker.kill()


def settings_of(servers: str, topic: str, folder: Path, client: str) -> dict[str, Any]:
    """Of a daemon that is watched for long."""
    return {
        "model": str(folder / "model"),
        "kafka": {"bootstrap_servers": servers, "topic": topic, "group": "soak", "client": client},
        "codec": {"name": "raw", "dtype": "float32"},
        "batch": {"max_records": 2048},
        "state": {"snapshot_seconds": 1},
        "threads": 1,
    }


def _watch(daemon: DaemonProcess, servers: str, topic: str, records: int) -> list[Sample]:
    done = [0]
    feeding = threading.Thread(target=_feed, args=(servers, topic, records, done), daemon=True)
    feeding.start()
    samples: list[Sample] = []
    started = moved = time.monotonic()
    while done[0] < records:
        time.sleep(SAMPLE_SECONDS)
        status = daemon.status()
        count = total(status, "consumed") if status.get("drift") else done[0]
        moved = time.monotonic() if count > done[0] else moved
        assert time.monotonic() - moved < STALL_SECONDS, f"nothing more after {count:,} records"
        done[0] = count
        samples.append(Sample.of(daemon.pid, count))
        if len(samples) % 15 == 1 or count >= records:
            show(samples[-1], time.monotonic() - started)
    feeding.join()
    return samples


def _feed(servers: str, topic: str, records: int, done: list[int]) -> None:
    """Send records of random vectors, some of them too short, never far ahead of the daemon."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "log_level": 0})
    pool = [row.tobytes() for row in np.random.default_rng(0).normal(
        size=(50_000, FEATURES)).astype(np.float32)]  # fmt: skip
    for number in range(records):
        value = pool[number % len(pool)]
        value = value[:-1] if number % BAD_EVERY == 0 else value
        while True:
            try:
                producer.produce(topic, value=value, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
            while number - done[0] > AHEAD:
                producer.poll(0.1)
    assert producer.flush(120) == 0


def show(sample: Sample, seconds: float) -> None:
    """Print what was seen after so long."""
    print(
        f"{seconds:6.0f} s  {sample.records:>9,} records  {sample.resident / 2**20:7.1f} MiB"
        f"  {sample.files} files  {sample.threads} threads",
        flush=True,
    )


def verdict(samples: list[Sample], records: int) -> str:
    """What was seen after the first tenth. Raises AssertionError if it is not steady."""
    steady = [sample for sample in samples if sample.records >= records / 10]
    # One sample says little: the allocator keeps some tens of megabytes now and then.
    quarter = max(1, len(steady) // 4)
    first, last = (
        median(s.resident for s in part) for part in (steady[:quarter], steady[-quarter:])
    )
    growth = last / first - 1
    files = sorted({sample.files for sample in steady})
    threads = sorted({sample.threads for sample in steady})
    text = (
        f"after the first tenth: {first / 2**20:.1f} MiB; at the end"
        f" {last / 2**20:.1f} MiB ({growth:+.1%}); files {files}; threads {threads}"
    )
    assert growth < GROWTH, text
    assert _grown([sample.files for sample in steady]) <= 1, text
    assert _grown([sample.threads for sample in steady]) <= 1, text
    return text


def _grown(numbers: list[int]) -> int:
    """By how much the most of the second half is above the most of the first.

    Fewer are seen while something that lasts is replaced: a client after its connection was cut.
    """
    half = max(1, len(numbers) // 2)
    return max(numbers[half:] or numbers) - max(numbers[:half])


if __name__ == "__main__":
    main()
