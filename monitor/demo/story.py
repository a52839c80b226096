"""What the demo does, in order: train, run, stream normal digits, drift, recover."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.demo import digits
from monitor.demo.broker import API_VERSION, EmbeddedBroker
from monitor.demo.daemon_process import DaemonProcess, preferred_port
from monitor.demo.drifts import DRIFTS
from monitor.demo.stream import ImageStream
from monitor.demo.topics import temporary_topics
from monitor.stream.kafka_options import Connection

TRAINING_IMAGES = 3500
EPOCHS = 12
RATE = 500.0
TOPIC = "aead-demo"
PHASE_SECONDS = 90.0
"""A phase that takes longer has failed."""
STEADY_SECONDS = 4.0
"""How long a state lasts before the next change."""
WINDOW = {"records": 2048, "panes": 16}

Say = Callable[[str], None]


class DemoError(Exception):
    """The demo did not show what it should: a fault, not a mistake of the user's."""


@dataclass
class Story:
    """Tells one demo. servers: your own Kafka, or None for the embedded one."""

    folder: Path
    drift: str
    servers: str | None
    say: Say

    def run(self, once: bool) -> None:
        """Play all phases; with `once` return after the drift is resolved, else go on."""
        if self.servers is None:
            with EmbeddedBroker() as servers:
                self._tell(Connection(servers, api_version=API_VERSION), TOPIC, once)
            return
        # A topic of its own: the demo must not mix with anything on your broker.
        connection, topic = Connection(self.servers), f"{TOPIC}-{int(time.time())}"
        with temporary_topics(connection, topic):
            self._tell(connection, topic, once)

    def _tell(self, connection: Connection, topic: str, once: bool) -> None:
        images = digits.load()
        self._train(images[:TRAINING_IMAGES])
        self.say(f"broker: {connection.servers}, topic {topic}")
        stream = ImageStream(connection, topic, images[TRAINING_IMAGES:], RATE)
        daemon = DaemonProcess(self.folder, self._settings(connection, topic), preferred_port())
        try:
            stream.start()
            self._phases(stream, daemon)
            while not once:
                self._follow(stream, daemon, lambda status: False, float("inf"))
        finally:
            self.say("stopping")
            stream.close()
            code = daemon.stop()
        if code != 0:
            raise DemoError(f"the daemon ended with code {code}; its log is {daemon.log}")

    def _train(self, images: Any) -> None:
        from models.recipe import train
        from models.settings import TrainingSettings

        self.say(f"training a convolutional autoencoder on {len(images):,} handwritten digits")
        # The stream draws digits at random, as they are here: no digit depends on the one before.
        settings = TrainingSettings(
            architecture="convolutional", epochs=EPOCHS, ordered=True, calibration_fraction=0.4
        )
        bundle = train(images, self.folder / "model", settings)
        self.say(
            f"trained: model {bundle.version[:8]}, anomaly threshold"
            f" {bundle.reference.threshold:.4g}, report in {self.folder / 'model'}"
        )

    def _settings(self, connection: Connection, topic: str) -> dict[str, Any]:
        kafka: dict[str, Any] = {
            "bootstrap_servers": connection.servers,
            "topic": topic,
            "group": topic,
        }
        if connection.api_version:
            kafka["api_version"] = list(connection.api_version)
        return {
            "model": str(self.folder / "model"),
            "kafka": kafka,
            "codec": {"name": "raw"},
            "window": WINDOW,
            "evidence": "records",
            # A month in minutes: an episode may end as soon as it is over.
            "drift": {
                "false_alarms": "1 per 1e5 records",
                "guard_seconds": 1,
                "cooldown_seconds": 2,
            },
        }

    def _phases(self, stream: ImageStream, daemon: DaemonProcess) -> None:
        follow = self._follow
        self.say(f"streaming normal digits, {RATE:g} a second; status page: {daemon.url}")
        follow(stream, daemon, lambda status: status["drift"]["state"] == "ok", PHASE_SECONDS)
        self.say(f"drift state: ok - {daemon.status()['drift']['explanation']}")
        self._wait(stream, daemon)
        change = DRIFTS[self.drift]
        self.say(f"the camera changes: {self.drift}. {(change.__doc__ or '').strip()}")
        stream.change(change)
        follow(stream, daemon, lambda status: _last(status) == "firing", PHASE_SECONDS)
        self._wait(stream, daemon)
        self.say("the camera is repaired: normal digits again")
        stream.change(None)
        follow(stream, daemon, lambda status: _last(status) == "resolved", PHASE_SECONDS)

    def _wait(self, stream: ImageStream, daemon: DaemonProcess) -> None:
        """Let the present state be seen for a while."""
        end = time.monotonic() + STEADY_SECONDS
        self._follow(stream, daemon, lambda status: time.monotonic() > end, PHASE_SECONDS)

    def _follow(
        self,
        stream: ImageStream,
        daemon: DaemonProcess,
        done: Callable[[dict[str, Any]], bool],
        seconds: float,
    ) -> None:
        """Say each change of state as it happens, until `done` or out of time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = daemon.status()
            for change in status.get("changes", [])[self._told :]:
                self._told += 1
                self.say(f"drift state: {_words(change)}")
            if status.get("drift") and done(status):
                return
            if stream.failure is not None:
                raise DemoError(f"sending failed: {stream.failure}")
            time.sleep(0.2)
        raise DemoError(f"nothing came in {seconds:g} seconds; the daemon's log is {daemon.log}")

    def __post_init__(self) -> None:
        self._told = 0


def _last(status: dict[str, Any]) -> str:
    changes = status["changes"]
    return str(changes[-1]["event"]) if changes else ""


def _words(change: dict[str, Any]) -> str:
    """One change in a line, with the drift itself called DRIFT."""
    names = {"firing": "DRIFT", "transient": "ok"}
    return f"{names.get(change['event'], change['event'])} - {change['explanation']}"
