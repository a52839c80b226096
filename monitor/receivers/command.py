"""Runs a program with the request on its standard input. Never a shell.

Exit code 0 means taken, 75 (EX_TEMPFAIL) try again later, any other refused for good. A program
that takes too long is ended with all that it started, and counts as refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Any, Final

import structlog

from monitor.errors import ReceiverError

log = structlog.get_logger(__name__)

TRY_AGAIN: Final = os.EX_TEMPFAIL
OUTPUT_BYTES: Final = 2000
"""Of what it printed, the last part goes to the log when it fails."""
GRACE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1
_READ_BYTES: Final = 2**16
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "TZ")


class CommandReceiver:
    """Runs `arguments`, which are never put together from a request.

    The program gets the request as JSON on standard input and its id in AEAD_REQUEST_ID; of our
    environment it sees PATH, HOME, LANG and TZ alone.
    """

    def __init__(self, arguments: Sequence[str], limit_seconds: float = 60.0) -> None:
        self._arguments = list(arguments)
        self._limit_seconds = limit_seconds
        self._closing = threading.Event()

    def deliver(self, document: dict[str, Any]) -> str:
        """Run it to its end. Raises ReceiverError unless it exits with 0."""
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(document).encode())
            given.seek(0)
            process = self._start(given, str(document["id"]))
        # Closing the pipe waits for nobody; a child that outlives the program may still hold it.
        with process.stdout or contextlib.nullcontext():
            output, ended = self._watch(process)
            if not ended:
                _end(process)
        return self._judged(process.returncode, ended, output)

    def close(self) -> None:
        """End a run under way: it would otherwise run beside the one after our restart."""
        self._closing.set()

    def _start(self, given: IO[bytes], id: str) -> subprocess.Popen[bytes]:
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            return subprocess.Popen(
                self._arguments,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**passed, "AEAD_REQUEST_ID": id},
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise ReceiverError(
                f"cannot run the program: {error.strerror}", retryable=False
            ) from None
        except OSError as error:
            raise ReceiverError(
                f"cannot run the program: {error.strerror}", retryable=True
            ) from None

    def _watch(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
        """Read what it prints until it ends; returns the end of that, and whether it ended.

        All of it is read, so that it never waits for us; what it started may go on.
        """
        deadline = time.monotonic() + self._limit_seconds
        output = b""
        with selectors.DefaultSelector() as selector:
            if process.stdout is not None:
                os.set_blocking(process.stdout.fileno(), False)
                selector.register(process.stdout, selectors.EVENT_READ)
            while not self._closing.is_set() and time.monotonic() < deadline:
                over = process.poll() is not None
                for key, _ in selector.select(0 if over else _LOOK_SECONDS):
                    data = os.read(key.fd, _READ_BYTES)
                    output = (output + data)[-OUTPUT_BYTES:]
                    if not data:
                        selector.unregister(key.fileobj)
                if over:
                    return output, True
                if not selector.get_map():
                    time.sleep(_LOOK_SECONDS)
        return output, process.poll() is not None

    def _judged(self, code: int, ended: bool, output: bytes) -> str:
        if ended and code == 0:
            return "exit code 0"
        said = output.decode("utf-8", "replace")
        log.warning("the program did not take the request", code=code, output=said)
        if self._closing.is_set() and not ended:
            raise ReceiverError("ended because the daemon stops", retryable=True)
        if not ended:
            raise ReceiverError(
                f"took longer than {self._limit_seconds:g} s and was ended", retryable=False
            )
        raise ReceiverError(f"exit code {code}", retryable=code == TRY_AGAIN)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all of its process group; those that do not go are killed."""
    # The program is not waited for before the last signal, so that its group's number is ours.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and _alive(process.pid):
            time.sleep(_LOOK_SECONDS / 2)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _alive(pid: int) -> bool:
    """Whether the program has not ended, without waiting for it."""
    state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return state is None
