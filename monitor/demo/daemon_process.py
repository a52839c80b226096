"""Runs `aead-monitor run` as a process of its own and asks it how it is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from monitor.errors import UserError

STOP_SECONDS = 25.0
PREFERRED_PORT = 9464


class DaemonProcess:
    """The daemon with a configuration, its log in `folder`/daemon.log."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "daemon.log"
        config = folder / "aead-monitor.yaml"
        config.write_text(yaml.safe_dump({**settings, "http": {"port": port}}, sort_keys=False))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # our own interpreter and module
                [sys.executable, "-m", "monitor", "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the demo, which then stops the daemon in good order.
                start_new_session=True,
            )

    def status(self) -> dict[str, Any]:
        """The daemon's status; empty until it answers. Raises UserError if it has ended."""
        if self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise UserError(f"the daemon ended with code {self._process.returncode}:\n{tail}")
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


def free_port() -> int:
    """The usual port if nothing listens there, else any free one."""
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError("no free port on 127.0.0.1")
