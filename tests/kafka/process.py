"""A server process that cannot outlive the test run, with its log in a file."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.product import Product, command

PORTS = range(15000, 32000)
"""Below the ports that the kernel gives to clients: a server that is down for a while finds its
port still free, and a client that retries a port nobody listens on cannot connect to itself.
"""
_SHARES = 8
_given: set[int] = set()
POLL_SECONDS = 0.05
LOOK_SECONDS = 1.0
PATIENCE = 5
LOG_TAIL_LINES = 30

_SPAWNER = ThreadPoolExecutor(1, "spawner")
"""Starts all processes: the kernel ends a child of ours with the thread that started it, so this
must be one that lives as long as the test run, whichever thread a test calls us from.
"""


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 that nothing listens on, none of them twice.

    A broker that was killed wants its port again, and a daemon binds its own a moment later:
    so each process of a test run has ports of its own to choose from.
    """
    own = PORTS[_worker() % _SHARES :: _SHARES]
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            port = random.choice(own)
            if port in _given:
                continue
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
                _given.add(port)
        return ports


def _worker() -> int:
    """The number of this process in the test run; by its own number outside of one."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(name.removeprefix("gw")) if name else os.getpid()


def wait_until(ready: Callable[[], bool], seconds: float, failure: Callable[[], str]) -> None:
    """Ask `ready` until it says yes. Raises TimeoutError with the text of `failure`.

    seconds: without any progress, which is a change of what `failure` says: on a busy machine
    all takes longer, and only standing still is a fault. PATIENCE times as long is the end.
    """
    patience = Patience(seconds)
    while not ready():
        if patience.is_over(failure):
            raise TimeoutError(failure())
        time.sleep(POLL_SECONDS)


class Patience:
    """Whether to wait any longer: while there is progress, up to PATIENCE times the seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + PATIENCE * seconds
        self._deadline = time.monotonic() + seconds
        self._looked_at, self._seen = time.monotonic(), ""

    def is_over(self, said: Callable[[], str]) -> bool:
        """said: what changes while something goes on; looked at once a second."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS or now > self._deadline:
            self._looked_at, before, self._seen = now, self._seen, said()
            if self._seen != before:
                self._deadline = now + self._seconds
        return now > min(self._deadline, self._end)


class ServerProcess:
    """One child process. Only ever ends the process that it started itself."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = list(command)
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | Product | None = None

    @property
    def running(self) -> bool:
        """True from `start` until the process has ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        if self.running:
            raise RuntimeError(f"{self._command[0]} runs already")
        self._process = self._launch()
        atexit.register(self.kill)

    def _launch(self) -> subprocess.Popen[bytes] | Product:
        with self._log.open("ab") as log:
            return _SPAWNER.submit(
                subprocess.Popen,
                [*die_with_parent(), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C in the terminal is for the tests, which then stop the server.
                start_new_session=True,
            ).result()

    def wait_until_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for `ready`. Raises with the end of the log if it takes too long or has ended."""

        def ready_or_ended() -> bool:
            if not self.running:
                raise RuntimeError(self._failure("ended while starting"))
            return ready()

        wait_until(ready_or_ended, seconds, lambda: self._failure(f"not ready in {seconds:g} s"))

    def stop(self, seconds: float = 30.0) -> None:
        """Ask the process to end, and make it if it takes longer."""
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def wait(self, seconds: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} was not started")
        return int(self._process.wait(seconds))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is None:
            return
        if self.running:
            self._process.kill()
        self._process.wait()
        self._forget()

    def _forget(self) -> None:
        self._process = None
        atexit.unregister(self.kill)

    def _failure(self, what: str) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else "no log yet"
        lines = text.splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"{' '.join(self._command[:6])} ...: {what}. Its log ends:", *lines])


class ProductProcess(ServerProcess):
    """`aead-monitor` with these arguments, as `tests.product` starts it."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(command(*arguments), log, environment)
        self._arguments = arguments

    def _launch(self) -> Product:
        return Product(self._arguments, self._log, environment=self._environment)


def die_with_parent() -> list[str]:
    """Have the kernel end the child when the test run is killed and can clean up nothing."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
