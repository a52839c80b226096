"""A stack, and what its tests wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.stack.notifications import Notification
from examples.stack.stack import Ports, Sizes, Stack
from tests.kafka.process import wait_until

SECONDS = 150.0
"""Longest wait for anything; a loaded machine takes a fraction of it."""


@contextmanager
def watched(folder: Path, settings: Mapping[str, Any] | None = None) -> Iterator[Watched]:
    """All parts on free ports; with `pytest -s` it says what happens. settings: of the daemons."""
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:5.1f} s] {line}", flush=True)

    with Stack(folder, Ports.free(), Sizes.quick(), say, settings=settings or {}) as stack:
        yield Watched(stack)


@dataclass(frozen=True)
class Watched:
    """The stack with its means to wait for a condition, and never for a time."""

    stack: Stack

    def say(self, line: str) -> None:
        self.stack.say(line)

    def drift(self, name: str) -> None:
        """What is wrong with the camera from now on."""
        self.stack.switch.write_text(name)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        return self.stack.prometheus.query(expression)

    def wait_for(self, expression: str) -> None:
        """Until Prometheus has a series."""
        self.until(lambda: bool(self.query(expression)), f"{expression} in Prometheus")

    def until(self, ready: Callable[[], bool], what: str) -> None:
        wait_until(ready, SECONDS, lambda: f"waited in vain for {what}; {self._state()}")

    def told(self, name: str, status: str, receiver: str = "page") -> list[Notification]:
        """Notifications of this alert, in order."""
        return [
            told
            for told in list(self.stack.notifications.received)
            if (told.name, told.status, told.receiver) == (name, status, receiver)
        ]

    def wait_told(
        self, name: str, status: str, receiver: str = "page", after: int = 0
    ) -> Notification:
        """The next notification of this alert, after so many that came before."""
        self.until(
            lambda: len(self.told(name, status, receiver)) > after,
            f"{receiver} to be told that {name} is {status}",
        )
        new = self.told(name, status, receiver)[after]
        self.say(f"{receiver} was told: {name} {status}")
        return new

    def alerts(self, name: str) -> Sequence[dict[str, Any]]:
        """The alerts of this name in Alertmanager."""
        return self.stack.alertmanager.alerts(name)

    def firing(self) -> set[str]:
        """Names of all alerts that fire in Prometheus."""
        return {labels["alertname"] for labels, _ in self.query('ALERTS{alertstate="firing"}')}

    def _state(self) -> str:
        told = [(n.receiver, n.name, n.status) for n in self.stack.notifications.received]
        alerts = [(labels, value) for labels, value in self.query("ALERTS")]
        logs = [replica.log.read_text()[-2000:] for replica in self.stack.replicas]
        refused = self.stack.notifications.refused
        return f"told {told}; refused {refused}; alerts {alerts}; daemons' logs {logs}"
