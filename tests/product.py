"""`aead-monitor` as processes of their own, forked from one that has imported everything.

A fresh Python needs three seconds and more of a core to import torch, and the tests start the
product a hundred times. Each process here is a real one, with a pid to kill, an environment and
files of its own; only its imports are shared. Tests of the start itself, of Ctrl-C on a terminal
and of the installed command start a new Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = ["monitor.daemon.assembly.daemon", "monitor.cli", "models.recipe", "tests.product",
             "tests.failpoints"]  # fmt: skip
TIMEOUT_SECONDS = 600.0
_PR_SET_PDEATHSIG = 1


def command(*arguments: str | Path) -> list[str]:
    """The command line of a fresh Python that runs the product."""
    return [sys.executable, "-m", "monitor", *map(str, arguments)]


class Product:
    """One run of `aead-monitor`, with the methods of `subprocess.Popen` that tests need.

    stdout, stderr: files to append to. environment: added to ours. Ends with the test run,
    whatever happens.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        stdout: Path,
        stderr: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.args = command(*arguments)
        # The server's environment is that of its start: the child takes ours of now.
        complete = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        job = ([str(a) for a in arguments], complete, str(Path.cwd()), str(stdout),
               str(stderr or stdout))  # fmt: skip
        self._process: BaseProcess = context().Process(target=_run, args=job, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; below 0 if a signal ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The return code, or None."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="aead-run-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = Product(arguments, out, err, environment)
        try:
            code = process.wait(TIMEOUT_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(
            process.args, code, out.read_text("utf-8"), err.read_text("utf-8")
        )


def launch(arguments: Sequence[str], log: Path) -> Product:
    """Start the product as `DaemonProcess` wants it."""
    return Product(arguments, log)


def context() -> ForkServerContext:
    """Starts processes that have imported the product already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _run(
    arguments: list[str], environment: Mapping[str, str], folder: str, stdout: str, stderr: str
) -> None:
    """In the new process: become what a fresh Python would be, and run the product."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((stdout, 1), (stderr, 2)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["aead-monitor", *arguments]

    from monitor.cli import main
    from tests import failpoints

    if failpoints.VARIABLE in environment:
        failpoints.install(Path(environment[failpoints.VARIABLE]))
    code = main(arguments)
    sys.stdout.flush()
    sys.exit(code)
