"""One daemon of the group: a process that can be killed, stopped, started and given orders."""

from __future__ import annotations

import json
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from monitor.state.folder import PREPARED, newest
from monitor.state.snapshot import Snapshot
from tests import product
from tests.failpoints import VARIABLE
from tests.kafka.process import Patience, ProductProcess, wait_until

STOP_SECONDS = 60.0


class Member:
    """A daemon with a state folder of its own. settings: of all members alike."""

    def __init__(self, name: str, folder: Path, settings: dict[str, Any]) -> None:
        self.name = name
        self.copies = 0
        self.removed: list[Path] = []
        self._copied: int | None = None
        self._settings = settings
        self._folder = folder / name
        self._folder.mkdir()
        self._orders = self._folder / "orders"
        self._config = self._folder / "aead-monitor.yaml"
        values = {"http": {"port": 0}, **settings, "log": {"format": "json"}}
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

    @property
    def in_doubt(self) -> bool:
        """True if it has written a snapshot of which it does not know whether it counts."""
        return (self._folder / "state" / PREPARED).exists()

    @property
    def url(self) -> str | None:
        """Of its web server, by the newest line of its log that says so."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = None
        for line in text.splitlines():
            if line.startswith("{") and '"url"' in line:
                with suppress(ValueError):  # a line that is being written
                    found = json.loads(line).get("url", found)
        return found

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

    @property
    def has_state(self) -> bool:
        """False until it has made something final, in a folder that is not removed."""
        return self.snapshot() is not None

    def copied(self) -> Member:
        """Another daemon with a copy of the state, as it is now."""
        self.copies += 1
        name = f"{self.name}-copy-{self.copies}"
        copy = Member(name, self._folder.parent, self._settings)
        shutil.copytree(self._folder / "state", self._folder.parent / name / "state")
        return copy

    def remove_state(self) -> None:
        """Take the folder with the state away; what it had counted stays in the books."""
        state = self._folder / "state"
        if state.exists():
            gone = self._folder / f"gone-{time.monotonic_ns()}"
            state.rename(gone)
            self.removed.append(gone)

    def forget(self) -> None:
        """Take the state away, and all that was counted in it. Only while it does not run."""
        self.remove_state()
        self.removed.clear()

    def made_final_since_removed(self) -> bool:
        """Whether there is a newer snapshot than the folder that was removed last has."""
        return (self._folder / "state").exists() or self.snapshot() is not None

    def snapshots(self) -> list[Snapshot]:
        """The state that it left behind, and those that were removed."""
        found = [newest(folder) for folder in (*self.removed, self._folder / "state")]
        return [s for s in found if s is not None and s.sequence != self._copied]

    @property
    def sequence(self) -> int:
        """Of the state that it left behind; 0 if there is none."""
        snapshot = self.snapshot()
        return 0 if snapshot is None else snapshot.sequence

    def forget_copied(self) -> None:
        """What was counted before it began is not its own: it must not be in its books."""
        self._copied = self.sequence

    def shown(self) -> list[dict[str, Any]]:
        """What `aead-monitor state show` says."""
        done = product.run("state", "show", "--json", "--config", self._config)
        done.check_returncode()
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found
