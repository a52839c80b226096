"""SIGTERM and SIGINT: the first asks to stop within a time, the second ends at once.

A signal is heeded on a thread of its own. Python runs handlers on the main thread, between two
of its steps: while a disk, a broker or a library keeps it, nothing would happen.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import Final

from monitor.process.deadline import Deadline

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Sets `stopping` and begins `deadline` at the first signal, from `listen` on.

    When the time is up, or at a second signal, the process ends with 128 and the signal's number:
    as in a crash, nothing is lost, and what was not committed is done again.
    """

    def __init__(self, stopping: threading.Event, deadline: Deadline) -> None:
        self._stopping = stopping
        self._deadline = deadline
        self._first: int | None = None
        self._closed = False

    def listen(self) -> None:
        """Begin; to be called on the main thread, before anything that is slow."""
        self._arrived, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker  # kept open
        self._waked_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._handled_before = {number: signal.signal(number, _nothing) for number in STOPPING}
        threading.Thread(target=self._run, name="signals", daemon=True).start()

    def close(self) -> None:
        """Heed no signal any more: there is nothing that could be stopped. On the main thread."""
        for number, handler in self._handled_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._waked_before)
        self._closed = True
        self._waker.send(b"\0")

    def _run(self) -> None:
        while not self._closed:
            left = self._deadline.left()
            self._arrived.settimeout(None if left == float("inf") else max(left, 0.01))
            try:
                numbers = self._arrived.recv(1)
            except TimeoutError:
                numbers = b""
            if numbers and numbers[0] in STOPPING and not self._closed:
                self._take(numbers[0])
            if self._first is not None and self._deadline.left() <= 0:
                self._give_up(self._first)

    def _take(self, number: int) -> None:
        if self._first is not None:
            os._exit(128 + number)
        self._first = number
        self._deadline.begin()
        self._stopping.set()

    def _give_up(self, number: int) -> None:
        """Something hangs. Where, the log says."""
        import structlog  # late: signals are heeded before anything slow is imported

        from monitor.process.liveness import stacks

        log = structlog.get_logger(__name__)
        log.error(
            "not stopped in time: ended as it is; what was not committed is done again",
            shutdown_seconds=self._deadline.seconds,
            threads=stacks(),
        )
        sys.stderr.flush()
        os._exit(128 + number)


def _nothing(number: int, frame: object) -> None:
    """Without a handler, Python would not tell of the signal."""
