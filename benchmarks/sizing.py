"""What one daemon needs: processor time per record and memory, by kind of record and partitions.

    python -m benchmarks.sizing [--scale 1]

A real daemon works off a filled topic of a real Apache Kafka on this machine, with one thread for
scoring. Rates are records a second of the daemon's own processor time (all its threads, user and
system), so that a busy machine hardly changes them; a core that is its own gives about as much.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Producer
from numpy.typing import NDArray
from PIL import Image

from models.recipe import train
from models.settings import TrainingSettings
from monitor.demo.daemon_process import DaemonProcess
from tests.kafka.broker import Broker
from tests.kafka.cli import total
from tests.kafka.topics import TopicFactory

POOL = 2_000
"""Different records in turn; the model is trained on as many others."""
STALL_SECONDS = 120.0
SAMPLE_SECONDS = 0.5
MIB = 2**20
HEADER = ("records", "model", "bytes", "records/s, core", "MiB/s, core", "cores used", "MiB")


@dataclass(frozen=True)
class Case:
    """A kind of record, the model for it, and how many are sent."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    codec: str
    architecture: str
    records: int
    partitions: int = 4

    def rows(self, seed: int) -> NDArray[Any]:
        """Random records, smooth enough to be pictures where they are."""
        rng = np.random.default_rng(seed)
        if self.dtype == "float32":
            return rng.normal(size=(POOL, *self.shape)).astype(np.float32)
        coarse = rng.integers(0, 256, (POOL, self.shape[0] // 4, self.shape[1] // 4))
        large = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
        return large if len(self.shape) == 2 else np.stack([large] * self.shape[2], axis=-1)

    def payload(self, row: NDArray[Any]) -> bytes:
        """The bytes of a record."""
        if self.codec == "raw":
            return row.tobytes()
        if self.codec == "json":
            return str([round(float(value), 5) for value in row]).encode()
        out = io.BytesIO()
        Image.fromarray(row).save(out, "PNG")
        return out.getvalue()

    def codec_settings(self) -> dict[str, Any]:
        """The section of the configuration."""
        return {"name": self.codec, **({"dtype": self.dtype} if self.codec == "raw" else {})}


VECTOR = Case("64 float32, raw", (64,), "float32", "raw", "dense", 400_000)
CASES = (
    VECTOR,
    Case("64 numbers, json", (64,), "float32", "json", "dense", 200_000),
    Case("1,024 float32, raw", (1024,), "float32", "raw", "dense", 100_000),
    Case("28x28 uint8, raw", (28, 28), "uint8", "raw", "dense", 150_000),
    Case("28x28 uint8, raw", (28, 28), "uint8", "raw", "convolutional", 60_000),
    Case("28x28 PNG", (28, 28), "uint8", "image", "convolutional", 60_000),
    Case("96x96x3 PNG", (96, 96, 3), "uint8", "image", "convolutional", 6_000),
)
PARTITIONS = tuple(
    replace(VECTOR, name=f"64 float32, raw, {count} partitions", partitions=count)
    for count in (1, 16, 64)
)


@dataclass(frozen=True)
class Figures:
    """What was seen. processor_seconds: of all threads while the records were worked off."""

    records: int
    seconds: float
    processor_seconds: float
    resident: int

    def row(self, case: Case, size: int) -> str:
        """A line of the table."""
        rate = self.records / self.processor_seconds
        cells = (
            case.name,
            case.architecture,
            f"{size:,}",
            f"{rate:,.0f}",
            f"{rate * size / MIB:,.0f}",
            f"{self.processor_seconds / self.seconds:.2f}",
            f"{self.resident / MIB:,.0f}",
        )
        return "| " + " | ".join(cells) + " |"


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far, from the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds at most so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def fill(servers: str, topic: str, case: Case, payloads: list[bytes], records: int) -> None:
    """Send the records, over all partitions by turns."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "log_level": 0})
    for number in range(records):
        value, partition = payloads[number % len(payloads)], number % case.partitions
        while True:
            try:
                producer.produce(topic, value=value, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(120):
        raise RuntimeError("the broker did not take all records in 120 s")


def work_off(daemon: DaemonProcess, records: int) -> Figures:
    """Wait until the daemon has decided on all records; its start is not counted."""
    begin: tuple[int, float, float] | None = None
    done, moved = 0, time.monotonic()
    while done < records:
        time.sleep(SAMPLE_SECONDS)
        status = daemon.status()
        count = total(status, "consumed") if status.get("drift") else 0
        moved = time.monotonic() if count > done else moved
        if time.monotonic() - moved > STALL_SECONDS:
            raise RuntimeError(f"nothing more after {count:,} of {records:,} records")
        done = max(done, count)
        if begin is None and done:
            begin = (done, time.monotonic(), processor_seconds(daemon.pid))
            if done == records:
                raise RuntimeError("too few records to measure: raise --scale")
    assert begin is not None
    return Figures(
        done - begin[0],
        time.monotonic() - begin[1],
        processor_seconds(daemon.pid) - begin[2],
        resident(daemon.pid),
    )


def measure(case: Case, broker: Broker, folder: Path, scale: float) -> str:
    """Train, fill a topic, run a daemon on it; a line of the table."""
    settings = TrainingSettings(architecture=case.architecture, epochs=1, device="cpu")
    train(case.rows(0), folder / "model", settings)
    payloads = [case.payload(row) for row in case.rows(1)]
    topic = TopicFactory(broker.bootstrap_servers)(case.partitions)
    records = int(scale * case.records)
    fill(broker.bootstrap_servers, topic, case, payloads, records)
    kafka = {"bootstrap_servers": broker.bootstrap_servers, "topic": topic, "group": topic}
    daemon = DaemonProcess(
        folder,
        {
            "model": str(folder / "model"),
            "kafka": kafka,
            "codec": case.codec_settings(),
            "device": "cpu",
            "threads": 1,
        },
    )
    try:
        figures = work_off(daemon, records)
    finally:
        daemon.stop()
    return figures.row(case, sum(map(len, payloads)) // len(payloads))


def main() -> None:
    """Measure every case on one broker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="times as many records")
    options = parser.parse_args()
    for cells in (HEADER, ["---"] * len(HEADER)):
        print("| " + " | ".join(cells) + " |")
    with tempfile.TemporaryDirectory(prefix="aead-sizing-") as name:
        root = Path(name)
        (root / "kafka").mkdir()
        broker = Broker(root / "kafka")
        broker.start()
        try:
            for number, case in enumerate((*CASES, *PARTITIONS)):
                folder = root / str(number)
                folder.mkdir()
                print(measure(case, broker, folder, options.scale), flush=True)
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
