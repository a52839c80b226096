"""One daemon of the group: a process that can be killed, stopped, started and given orders."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import yaml

from monitor.state.folder import newest
from monitor.state.snapshot import Snapshot
from tests import product
from tests.failpoints import VARIABLE
from tests.kafka.process import Patience, ProductProcess, wait_until

STOP_SECONDS = 60.0


class Member:
    """A daemon with a state folder of its own. settings: of all members alike."""

    def __init__(self, name: str, folder: Path, settings: dict[str, Any]) -> None:
        self.name = name
        self._folder = folder / name
        self._folder.mkdir()
        self._orders = self._folder / "orders"
        self._config = self._folder / "aead-monitor.yaml"
        values = {**settings, "http": {"port": 0}, "log": {"format": "json"}}
        self._config.write_text(yaml.safe_dump(values))
        self.log = self._folder / "daemon.log"
        self._process = ProductProcess(
            ["run", "--config", str(self._config)],
            self.log,
            {VARIABLE: str(self._orders), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process.running

    def start(self, orders: str = "") -> None:
        """Start, if it does not run."""
        self.order(orders)
        if not self.running:
            self._process.start()

    def order(self, text: str) -> None:
        """What shall happen at which failpoint."""
        fresh = self._orders.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._orders)

    def wait_for_death(self, seconds: float) -> bool:
        """Wait until the process has ended; false if it goes on."""
        patience = Patience(seconds)
        while self.running and not patience.is_over(self.log.read_text):
            time.sleep(0.05)
        return not self.running

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.signal(number)

    def stop(self) -> float:
        """Ask it to end; returns how many seconds it took."""
        self.order("")
        started = time.monotonic()
        self._process.signal(signal.SIGTERM)
        wait_until(lambda: not self.running, STOP_SECONDS, lambda: f"{self.name} does not end")
        return time.monotonic() - started

    def snapshot(self) -> Snapshot | None:
        """The state that it left behind."""
        return newest(self._folder / "state")

    def shown(self) -> list[dict[str, Any]]:
        """What `aead-monitor state show` says."""
        done = product.run("state", "show", "--json", "--config", self._config)
        done.check_returncode()
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found
