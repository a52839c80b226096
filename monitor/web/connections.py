"""Takes connections in, and cuts those that wait too long or are too many.

uvicorn knows a connection only once TLS is agreed on, and has no time limit for a request's head
or for a client that does not read. So connections are accepted here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Final

import structlog
from uvicorn import Config

from monitor.web.connection import LONGEST_SECONDS, Connection, Phase
from monitor.web.reload import ConfigWatcher
from monitor.web.uvicorn_private import ServerState

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 256
SWEEP_SECONDS = 0.25
TLS_CLOSE_SECONDS: Final = 2.0
_NO_FILES_SECONDS: Final = 0.5


class OpenConnection:
    """A client from its first packet to its last. `since` when it has waited for the same."""

    def __init__(self, connection: Connection, now: float) -> None:
        self.connection = connection
        self.task: asyncio.Task[None] | None = None
        self.since = now
        self._seen = self._mark()

    def look(self, now: float) -> Phase:
        """What it waits for; notes when that has changed."""
        if self._mark() != self._seen:
            self._seen, self.since = self._mark(), now
        return self._seen[0]

    def cut(self) -> None:
        """End it at once, whatever is unsent."""
        if self.connection.connected:
            self.connection.transport.abort()
        elif self.task is not None:
            self.task.cancel()

    def _mark(self) -> tuple[Phase, int]:
        return self.connection.phase, self.connection.answered


class Connections:
    """Accepts on a socket until it is closed. Used on one event loop."""

    def __init__(self, config: Config, state: ServerState, watcher: ConfigWatcher) -> None:
        self._config = config
        self._state = state
        self._watcher = watcher
        self._open: set[OpenConnection] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self, listener: socket.socket) -> None:
        """Begin to accept."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._accept(listener)),
            loop.create_task(self._sweep()),
        ]
        for task in self._tasks:
            task.add_done_callback(_tell)

    async def close(self) -> None:
        """Accept no more, and cut all that are not being answered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for opened in list(self._open):
            if opened.look(time.monotonic()) is not Phase.ANSWER:
                opened.cut()

    def cut_all(self) -> None:
        """Cut all that are left."""
        for opened in list(self._open):
            opened.cut()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError as error:
                # Out of file descriptors, mostly: those in use will be given back.
                log.warning("cannot accept a connection", error=error.strerror)
                await asyncio.sleep(_NO_FILES_SECONDS)
            else:
                self._make_room()
                self._begin(accepted)

    def _begin(self, accepted: socket.socket) -> None:
        security = self._watcher.security
        connection = Connection(
            self._config, self._state, security.welcomes, lambda: self._count("name")
        )
        opened = OpenConnection(connection, time.monotonic())
        self._open.add(opened)
        serving = self._serve(accepted, opened, security.tls)
        opened.task = asyncio.get_running_loop().create_task(serving)
        opened.task.add_done_callback(lambda _: self._forget(accepted, opened))

    async def _serve(
        self, accepted: socket.socket, opened: OpenConnection, tls: ssl.SSLContext | None
    ) -> None:
        """Agree on TLS, and stay until the connection is lost."""
        times = {"ssl_shutdown_timeout": TLS_CLOSE_SECONDS} if tls else {}
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: opened.connection, accepted, ssl=tls, **times
            )
            await opened.connection.lost.wait()
        except OSError as error:
            # ssl.SSLError among them: not TLS, no common version, no certificate.
            self._count("handshake")
            log.debug("no TLS agreed on", error=str(error) or "the client left")

    def _forget(self, accepted: socket.socket, opened: OpenConnection) -> None:
        self._open.discard(opened)
        accepted.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for opened in list(self._open):
                phase = opened.look(now)
                if now - opened.since > LONGEST_SECONDS[phase]:
                    self._cut(opened, phase)

    def _cut(self, opened: OpenConnection, reason: str) -> None:
        if reason == Phase.IDLE:
            opened.connection.transport.close()
            return
        self._count(reason)
        opened.cut()

    def _make_room(self) -> None:
        """If there are too many, cut the oldest without a complete request, or else the oldest."""
        if len(self._open) < MOST_CONNECTIONS:
            return
        oldest = min(
            self._open,
            key=lambda opened: (opened.connection.phase is Phase.ANSWER, opened.connection.newest),
        )
        self._open.discard(oldest)
        self._cut(oldest, "crowd")

    def _count(self, reason: str) -> None:
        self._watcher.metrics.connections_cut.labels(reason).inc()


def _tell(task: asyncio.Task[None]) -> None:
    """Neither task ends by itself: what ends it is a bug, and health checks will see it."""
    if not task.cancelled():
        log.error("the web server failed to accept connections", exc_info=task.exception())
