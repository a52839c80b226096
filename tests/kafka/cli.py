"""Runs `aead-monitor` as a user does, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.kafka.process import Patience


def aead_monitor(*arguments: str | Path) -> str:
    """Run a command to its end; returns what it printed, raises if it failed."""
    done = product.run(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
    return done.stdout


def wait_for_status(
    daemon: DaemonProcess, wanted: Callable[[dict[str, Any]], bool], seconds: float = 90.0
) -> dict[str, Any]:
    """Ask until the status is as wanted; fails with the last status and the daemon's log."""
    patience = Patience(seconds)
    status: dict[str, Any] = {}
    while not patience.is_over(partial(str, status.get("partitions"))):
        status = daemon.status()
        if status.get("drift") and wanted(status):
            return status
        time.sleep(0.1)
    status.pop("history", None)
    raise AssertionError(f"still {status} after {seconds:g} s; log: {daemon.log.read_text()}")


def total(status: dict[str, Any], name: str) -> int:
    """Sum over the partitions of consumed, scored or dead_lettered."""
    return sum(partition[name] for partition in status["partitions"])


class RawDaemon:
    """The daemon without the help of DaemonProcess, to send it signals."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        config = folder / "aead-monitor.yaml"
        config.write_text(yaml.safe_dump({**settings, "http": {"port": 0}}))
        self.log = folder / "daemon.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "run", "--config", str(config)],
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def wait_for_log(self, text: str, seconds: float = 60.0) -> None:
        """Wait until a text stands in the log."""
        patience = Patience(seconds)
        while text not in self.log.read_text():
            if patience.is_over(self.log.read_text) or self.process.poll() is not None:
                self.kill()
                raise AssertionError(f"no {text!r} in the log: {self.log.read_text()}")
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
