"""Runs `aead-monitor run` as a process of its own and asks it how it is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from monitor.errors import UserError

START_SECONDS = 60.0
STOP_SECONDS = 25.0
PREFERRED_PORT = 9464


class Process(Protocol):
    """What is asked of a process; `subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> Any:
        """How it ended."""

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it at once."""


def launch_python(arguments: Sequence[str], log: Path) -> Process:
    """Start `aead-monitor` with these arguments, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the demo, which then stops the daemon in good order.
            start_new_session=True,
        )


Launch = Callable[[Sequence[str], Path], Process]
"""Starts the product with arguments, its output in a file."""


class DaemonProcess:
    """The daemon with a configuration, its log in `folder`/daemon.log.

    port: of its web server; 0 takes a free one. launch: starts the process. Raises UserError if
    the daemon ends or does not answer in time.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        port: int = 0,
        launch: Launch = launch_python,
    ) -> None:
        self.log = folder / "daemon.log"
        config = folder / "aead-monitor.yaml"
        values = {**settings, "http": {"port": port}, "log": {"format": "json"}}
        config.write_text(yaml.safe_dump(values, sort_keys=False))
        self.log.write_bytes(b"")
        self._process = launch(["run", "--config", str(config)], self.log)
        self.url = self._wait_for_url()

    @property
    def pid(self) -> int:
        """Of the daemon's process."""
        return self._process.pid

    def _wait_for_url(self) -> str:
        """The daemon's address, which is in the first line of its log."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._check()
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith("{") and "url" in (event := json.loads(line)):
                    return str(event["url"])
            time.sleep(0.1)
        self.stop()
        raise UserError(f"the daemon did not start in {START_SECONDS:g} seconds; see {self.log}")

    def _check(self) -> None:
        if self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise UserError(f"the daemon ended with code {self._process.returncode}:\n{tail}")

    def status(self) -> dict[str, Any]:
        """The daemon's status; empty if it does not answer. Raises UserError if it has ended."""
        self._check()
        try:
            with urllib.request.urlopen(f"{self.url}/api/status", timeout=5) as answer:  # noqa: S310
                return dict(json.load(answer))
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return {}

    def stop(self) -> int:
        """Ask the daemon to finish; returns its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def preferred_port() -> int:
    """The usual port if nothing listens there, else 0, which takes any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PREFERRED_PORT))
        except OSError:
            return 0
    return PREFERRED_PORT
