"""Kafka, two daemons, Prometheus, Alertmanager, a camera, and somebody who is told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from examples.closed_loop.topics import create
from examples.stack import shortened
from examples.stack.alertmanager import Alertmanager
from examples.stack.notifications import Notifications
from examples.stack.replica import Replica
from tests import product
from tests.kafka.broker import Broker, Place, new_cluster_id
from tests.kafka.process import ProductProcess, free_ports
from tests.kafka.prometheus import Prometheus

TOPIC = "digits"
PARTITIONS = 4
REPLICAS = 2
START_SECONDS = 120.0
TOKENS = {"page": "a-page", "ticket": "a-ticket", "retraining": "a-retraining"}
"""Of each receiver in alertmanager.yml."""
DRIFT = {
    "streams": REPLICAS,
    # The defaults, made shorter like all other times.
    "guard_seconds": shortened.shorter(5),
    "cooldown_seconds": shortened.shorter(600),
    # An episode ends after 40 evaluations at least: ten seconds, at so few records.
    "evaluation_seconds": 0.25,
}
SHOWN = {
    # Digits may be looked at.
    "evidence": "records",
    "segments": {"by": "header:camera"},
    "drift": DRIFT | {"channels": "standard"},
}
"""Settings for people: the daemons' pages show all that they can."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """Where everybody listens, on 127.0.0.1."""

    kafka: int
    controller: int
    replicas: tuple[int, ...]
    prometheus: int
    alertmanager: int
    notifications: int

    @classmethod
    def free(cls) -> Ports:
        """Any that nobody listens on."""
        kafka, controller, prometheus, alertmanager, told, *replicas = free_ports(5 + REPLICAS)
        return cls(kafka, controller, tuple(replicas), prometheus, alertmanager, told)

    @classmethod
    def usual(cls) -> Ports:
        """The well-known ones; another where somebody listens already."""
        return cls(_usual(9092), _usual(9193), (_usual(9464), _usual(9465)), _usual(9090),
                   _usual(9093), _usual(9095))  # fmt: skip


def _usual(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_ports(1)[0]
    return port


@dataclass(frozen=True)
class Sizes:
    """How good the models are, and how fast the digits come.

    shadow: how the second model is trained, which scores beside; None: it is the first once more.
    """

    training: tuple[str, ...] = ("--arch", "convolutional", "--epochs", "12")
    shadow: tuple[str, ...] | None = ("--arch", "dense", "--epochs", "20")
    rate: float = 200.0

    @classmethod
    def quick(cls) -> Sizes:
        """For a test: one model that learns in seconds."""
        return cls(("--arch", "dense", "--epochs", "8"), shadow=None)


@dataclass
class Stack:
    """All parts, from `start` to `stop`. What they write lies in `folder`.

    settings: more of the daemons' configuration. environment: of the daemons' processes. faster:
    so many times shorter are the ranges in the expressions of the rules, too.
    """

    folder: Path
    ports: Ports
    sizes: Sizes = field(default_factory=Sizes)
    say: Say = print
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    faster: int = 1

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self.switch = self.folder / "drift"
        self.model = self.folder / "model"
        self.shadow = self.model if self.sizes.shadow is None else self.folder / "shadow"

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up; returns when Prometheus has heard of all daemons."""
        self._start_kafka()
        self._train()
        self.kafka.wait_until_ready()
        self._start_notifications()
        self._start_replicas()
        self._start_alertmanager()
        self._start_prometheus()
        self._start_camera()
        self.prometheus.wait_for(f"job_model:up:sum == {REPLICAS}", START_SECONDS)

    def stop(self) -> None:
        """End everything, the last started first."""
        self._stack.close()

    def command(self, *arguments: str | Path) -> str:
        """What `aead-monitor` prints with these arguments. Raises with its words if it fails."""
        done = product.run(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"aead-monitor {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def _start_kafka(self) -> None:
        ports = self.ports
        place = Place(new_cluster_id(), 1, ports.kafka, {1: ports.controller})
        self.kafka = Broker(self._made("kafka"), place=place)
        self.servers = self.kafka.bootstrap_servers
        self.say(f"starting Kafka on {self.servers}")
        self.kafka.launch()
        self._stack.callback(self.kafka.kill)

    def _train(self) -> None:
        """The model that watches, and its shadow."""
        digits, registry = self.folder / "digits.npy", self.folder / "registry"
        self.command("digits", "save", digits)
        self._train_one(digits, self.model, self.sizes.training)
        if self.sizes.shadow is not None:
            self._train_one(digits, self.shadow, self.sizes.shadow)
        self.command("models", "add", self.model, "--promote", "--registry", registry)

    def _train_one(self, digits: Path, bundle: Path, settings: Sequence[str]) -> None:
        self.say(f"training {bundle} on {digits}")
        # The stream draws digits at random, as they are in the file: none depends on the last.
        self.command("train", "--data", digits, "--out", bundle, "--ordered",
                     "--calibration-fraction", "0.4", *settings)  # fmt: skip

    def _start_notifications(self) -> None:
        self._secrets = self._made("secrets")
        for receiver, token in TOKENS.items():
            (self._secrets / f"{receiver}-token").write_text(token)
        log = self.folder / "notifications.log"
        self.notifications = Notifications(log, self.ports.notifications, TOKENS)
        self._stack.callback(self.notifications.close)

    def _start_replicas(self) -> None:
        create(self.servers, TOPIC, PARTITIONS)
        self.replicas = [
            self.replica(f"replica-{number}", number, port)
            for number, port in enumerate(self.ports.replicas, start=1)
        ]
        for replica in self.replicas:
            self.say(f"starting a daemon on {replica.url}")
            replica.launch()
            self._stack.callback(replica.stop)
        for replica in self.replicas:
            replica.wait_until_ready()

    def replica(self, name: str, number: int, port: int) -> Replica:
        """A daemon with the settings of this number and a folder of its own; not started."""
        folder = self._made(name)
        return Replica(folder, self._settings(number), port, self.environment)

    def _settings(self, number: int) -> dict[str, Any]:
        return {
            "registry": {"path": "../registry"},
            "shadow": f"../{self.shadow.name}",
            "threads": 1,
            "kafka": {
                "bootstrap_servers": self.servers,
                "topic": TOPIC,
                "instance": f"replica-{number}",
                "session_timeout_seconds": 10,
            },
            "codec": {"name": "raw"},
            "drift": DRIFT,
            "state": {"snapshot_seconds": 1},
            "retraining": {"receivers": [self._team()]},
            **self.settings,
        }

    def _team(self) -> Mapping[str, str]:
        return {"name": "team", "kind": "http", "url": f"http://{self.notifications.address}/"}

    def _start_alertmanager(self) -> None:
        config = shortened.alertmanager(self.notifications.address, self._secrets)
        folder, port = self._made("alertmanager"), self.ports.alertmanager
        self.alertmanager = Alertmanager(folder, yaml.safe_dump(config, sort_keys=False), port)
        self.say(f"starting Alertmanager on {self.alertmanager.url}")
        self._stack.callback(self.alertmanager.stop)
        self.alertmanager.start()

    def _start_prometheus(self) -> None:
        folder, port = self._made("prometheus"), self.ports.prometheus
        (folder / shortened.RULES).parent.mkdir()
        (folder / shortened.RULES).write_text(
            yaml.safe_dump(shortened.rules(self.faster), sort_keys=False)
        )
        config = shortened.prometheus(
            {
                "daemon:9464": [replica.address for replica in self.replicas],
                "alertmanager:9093": [f"127.0.0.1:{self.ports.alertmanager}"],
                "localhost:9090": [f"127.0.0.1:{port}"],
            }
        )
        self.prometheus = Prometheus(folder, yaml.safe_dump(config, sort_keys=False), port)
        self.say(f"starting Prometheus on {self.prometheus.url}")
        self._stack.callback(self.prometheus.stop)
        self.prometheus.start()

    def _start_camera(self) -> None:
        arguments = ["digits", "stream", "--bootstrap-servers", self.servers, "--topic", TOPIC,
                     "--rate", str(self.sizes.rate), "--switch", str(self.switch)]  # fmt: skip
        self.say(f"streaming digits to the topic {TOPIC}, {self.sizes.rate:g} a second")
        camera = ProductProcess(arguments, self.folder / "camera.log")
        self._stack.callback(camera.stop)
        camera.start()

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder
