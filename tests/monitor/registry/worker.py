"""Processes that change a registry, forked from one that has imported all: that takes seconds.

An action is add=FOLDER, promote=VERSION or rollback.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Workers:
    """Runs processes at the same time and tells how they ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, section: dict[str, Any], *workers: Sequence[str], orders: Path | None = None
    ) -> list[int]:
        """Exit codes of processes that each do their actions in turn; minus the signal if killed.

        orders: file that says what shall happen at which failpoint.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"section": section, "workers": workers, "orders": orders and str(orders)}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return [int(code) for code in json.loads(self._process.stdout.readline())]

    def stop(self) -> None:
        """End the process, and those it has forked."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def main() -> None:
    """Fork workers for each line of standard input, until it ends."""
    _warm_up()
    for line in sys.stdin:
        job = json.loads(line)
        children = [_forked(job, actions) for actions in job["workers"]]
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(ends), flush=True)


def _warm_up() -> None:
    """Import what all workers need, also what torch imports with the first bundle."""
    for name in ("mlflow", "monitor.daemon.assembly.registry"):
        importlib.import_module(name)
    from tests.models.bundles import write

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "bundle")


def _forked(job: dict[str, Any], actions: list[str]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _act(job, actions)
            code = 0
        except Exception:  # noqa: BLE001  told, with the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def _act(job: dict[str, Any], actions: list[str]) -> None:
    from monitor.config.registry import RegistryConfig
    from monitor.daemon.assembly.registry import build_registry
    from tests import failpoints

    if job["orders"]:
        failpoints.install(Path(job["orders"]))
    registry = build_registry(RegistryConfig(**job["section"]))
    for action in actions:
        name, _, value = action.partition("=")
        if name == "add":
            registry.add(Path(value), "by a worker")
        elif name == "promote":
            registry.promote(value, "by a worker", str(os.getpid()))
        else:
            registry.rollback("by a worker", str(os.getpid()))


if __name__ == "__main__":
    main()
