"""A real daemon on a topic of a real broker, which takes its turn like anything else.

Between its turns the daemon is stopped (SIGSTOP), while the topic is filled and others are
measured: so it starts only once, and its start is in no figure.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.bench.kinds import Kind
from benchmarks.bench.measuring import Cost
from monitor.demo.daemon_process import DaemonProcess
from tests.kafka.cli import total
from tests.kafka.topics import TopicFactory

POOL = 4_096
"""Different payloads, sent by turns."""
SAMPLE_SECONDS = 0.5
STALL_SECONDS = 120.0
FLUSH_SECONDS = 120.0


class Topic:
    """A topic of so many partitions, filled evenly. sent: records in it so far."""

    def __init__(self, servers: str, kind: Kind, partitions: int, pool: int = POOL) -> None:
        self.servers, self.partitions = servers, partitions
        self.name = TopicFactory(servers)(partitions, name="bench")
        self.payloads = kind.payloads(pool)
        self.sent = 0

    def fill(self, records: int) -> None:
        """Send more records, a multiple of the partitions."""
        if records % self.partitions:
            raise ValueError(f"{records} records do not fill {self.partitions} partitions evenly")
        producer = Producer(
            {"bootstrap.servers": self.servers, "linger.ms": 20, "log_level": 0, "acks": 1}
        )
        for number in range(records):
            _send(producer, self.name, self.payloads[number % len(self.payloads)],
                  number % self.partitions)  # fmt: skip
        if producer.flush(FLUSH_SECONDS):
            raise RuntimeError(f"the broker did not take all records in {FLUSH_SECONDS:g} s")
        self.sent += records

    def starts(self, records: int) -> dict[int, int]:
        """Where the last records begin, by partition."""
        return dict.fromkeys(range(self.partitions), (self.sent - records) // self.partitions)


def _send(producer: Producer, topic: str, value: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value=value, partition=partition)
            return
        except BufferError:
            producer.poll(0.1)


class Subject:
    """The daemon that is measured. It has worked off what the topic held, and is stopped."""

    def __init__(self, daemon: DaemonProcess, topic: Topic) -> None:
        self._daemon, self._topic = daemon, topic
        self.wait_for_all()
        self.hold()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._daemon.pid

    @property
    def url(self) -> str:
        """Of its web server."""
        return self._daemon.url

    def decided(self) -> int:
        """Records that it has decided on so far; it must run."""
        return consumed(self._daemon.status())

    def hold(self) -> None:
        """Stop it where it stands."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self.pid, signal.SIGCONT)

    def work_off(self, records: int) -> Cost:
        """Let it run until it has decided on all that is in the topic, the last so many records."""
        processor, wall = processor_seconds(self.pid), time.monotonic()
        self.go_on()
        self.wait_for_all()
        used = processor_seconds(self.pid) - processor
        passed = time.monotonic() - wall
        self.hold()
        return Cost(1e6 * used / records, 1e6 * passed / records)

    def wait_for_all(self) -> None:
        """Wait until it has decided on all that is in the topic."""
        done, moved, wanted = -1, time.monotonic(), self._topic.sent
        while done < wanted:
            time.sleep(SAMPLE_SECONDS)
            now = time.monotonic()
            count = consumed(self._daemon.status())
            moved = now if count > done else moved
            done = max(done, count)
            if now - moved > STALL_SECONDS:
                raise RuntimeError(f"nothing more after {done:,} of {wanted:,} records")


def consumed(status: Mapping[str, Any]) -> int:
    """Records that a daemon has decided on, by its status."""
    return total(dict(status), "consumed") if status.get("drift") else 0


@contextmanager
def subject(
    topic: Topic, kind: Kind, folder: Path, settings: Mapping[str, Any] | None = None
) -> Iterator[Subject]:
    """A daemon on the topic, which must hold some records to begin with.

    settings: further sections of the configuration; those of `kafka` are added to ours.
    """
    kind.save(folder / "model")
    more = dict(settings or {})
    kafka = {"bootstrap_servers": topic.servers, "topic": topic.name, "group": topic.name}
    daemon = DaemonProcess(
        folder,
        {
            "model": str(folder / "model"),
            "kafka": {**kafka, **more.pop("kafka", {})},
            "codec": kind.codec_settings(),
            "state": {"directory": str(folder / "state")},
            "device": "cpu",
            "threads": 1,
            **more,
        },
    )
    try:
        yield Subject(daemon, topic)
    finally:
        with suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGCONT)
        daemon.stop()


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far, all its threads, from the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int, largest: bool = False) -> int:
    """Bytes of memory that a process holds now, or held at most so far."""
    field = "VmHWM" if largest else "VmRSS"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))
