"""Appends records evenly in time, as a process of its own: it shares no interpreter lock.

python -m benchmarks.bench.producing SERVERS TOPIC PARTITIONS RATE SECONDS FEATURES
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from confluent_kafka import Producer

LINGER_MILLISECONDS = 2
"""Without any, each record would be a request of its own, and the broker what is measured."""
TICK_SECONDS = 0.002
FLUSH_SECONDS = 60


def append(servers: str, topic: str, partitions: int, rate: float, seconds: float, d: int) -> int:
    """Send vectors of d numbers, so many a second; returns how many."""
    rows = np.random.default_rng(1).normal(size=(4_096, d)).astype(np.float32)
    payloads = [row.tobytes() for row in rows]
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": LINGER_MILLISECONDS, "log_level": 0}
    )
    begin, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        while sent < rate * passed:
            value = payloads[sent % len(payloads)]
            producer.produce(topic, value=value, partition=sent % partitions)
            sent += 1
        producer.poll(TICK_SECONDS)
    producer.flush(FLUSH_SECONDS)
    return sent


def start(
    servers: str, topic: str, partitions: int, rate: float, seconds: float, features: int
) -> subprocess.Popen[str]:
    """The same in a process; it prints how many were sent."""
    words = (servers, topic, partitions, rate, seconds, features)
    command = [sys.executable, "-m", "benchmarks.bench.producing", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    servers, topic, partitions, rate, seconds, features = sys.argv[1:]
    print(append(servers, topic, int(partitions), float(rate), float(seconds), int(features)))
