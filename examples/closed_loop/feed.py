"""Sends digits to the topic at a steady rate, and remembers how many of which kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from kafka import KafkaProducer
from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, int], NDArray[np.uint8]]
STEP_SECONDS = 0.1


class Feed:
    """A thread that sends until closed. sent: records that the broker has acknowledged."""

    def __init__(self, servers: str, topic: str, partitions: int, rate: float, draw: Draw) -> None:
        self._producer = KafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=20)
        self._topic, self._partitions, self._rate = topic, partitions, rate
        self._rng = np.random.default_rng(7)
        self._draw = draw
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self.sent = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def change(self, draw: Draw) -> int:
        """Send these from now on; returns how many were sent before."""
        with self._changing:
            self._draw = draw
            return self.sent

    def send(self, draw: Draw, count: int) -> set[str]:
        """Send some at once, between the others; returns topic/partition/offset of each."""
        with self._changing:
            return self._send(draw, count)

    def close(self) -> None:
        """Stop sending, and raise what went wrong, if something did."""
        self._stopping.set()
        self._thread.join(30)
        self._producer.close(timeout=10)
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        due, last = 0.0, time.monotonic()
        try:
            while not self._stopping.wait(STEP_SECONDS):
                now = time.monotonic()
                # A machine that is too slow sends fewer; it must not try to catch up.
                due = min(due + (now - last) * self._rate, self._rate)
                last = now
                with self._changing:
                    self._send(self._draw, int(due))
                due -= int(due)
        except Exception as error:  # noqa: BLE001 - told by `close`, on the main thread
            self.failure = error

    def _send(self, draw: Draw, count: int) -> set[str]:
        if count < 1:
            return set()
        futures = [
            self._producer.send(
                self._topic, value=image.tobytes(), partition=(self.sent + i) % self._partitions
            )
            for i, image in enumerate(draw(self._rng, count))
        ]
        self._producer.flush(timeout=30)
        stored = [future.get(timeout=30) for future in futures]
        self.sent += count
        return {f"{s.topic}/{s.partition}/{s.offset}" for s in stored}
