"""Streams images to a topic at a steady rate, with a change that can be switched on and off."""

from __future__ import annotations

import threading
import time

import numpy as np
from kafka import KafkaProducer
from kafka.errors import KafkaError
from numpy.typing import NDArray

from monitor.demo.drifts import Drift
from monitor.stream.kafka_options import Connection, connect

STEP_SECONDS = 0.05


class ImageStream:
    """A thread that sends randomly drawn images until closed.

    images: (N, H, W) uint8. rate: images a second. `failure` holds what ended the thread, if
    something did.
    """

    def __init__(
        self, connection: Connection, topic: str, images: NDArray[np.uint8], rate: float
    ) -> None:
        self._producer = connect(KafkaProducer, **connection.options(), linger_ms=5)
        self._topic = topic
        self._images = images
        self._rate = rate
        self._rng = np.random.default_rng(1)
        self._drift: Drift | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self.sent = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def change(self, drift: Drift | None) -> None:
        """Send images with this change from now on; None for normal ones."""
        self._drift = drift

    def close(self) -> None:
        """Stop sending."""
        self._stopping.set()
        self._thread.join(5)
        try:
            self._producer.close(timeout=2)
        except KafkaError as error:
            self.failure = self.failure or error

    def _run(self) -> None:
        start = time.monotonic()
        while not self._stopping.wait(STEP_SECONDS):
            due = int((time.monotonic() - start) * self._rate) - self.sent
            try:
                self._send(min(due, 10 * int(self._rate * STEP_SECONDS) + 1))
            except KafkaError as error:
                self.failure = error
                return

    def _send(self, count: int) -> None:
        if count < 1:
            return
        images = self._images[self._rng.integers(len(self._images), size=count)]
        if self._drift is not None:
            images = self._drift(images, self._rng)
        for image in images:
            self._producer.send(self._topic, key=str(self.sent).encode(), value=image.tobytes())
            self.sent += 1
