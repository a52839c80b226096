"""Runs the web application on a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from monitor.errors import ConfigError
from monitor.web.authentication import Authentication
from monitor.web.connection import HEAD_BYTES
from monitor.web.connections import Connections
from monitor.web.reload import ConfigWatcher

BACKLOG: Final = 512
NEVER_SECONDS: Final = 86400
"""uvicorn ends no idle connection: `Connections` does."""


class WebServer:
    """Serves from `start` to `stop`. The address is taken at once, so that a port in use is
    an error at the start and not a silent thread. `url` says where it listens.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, watcher: ConfigWatcher) -> None:
        self._watcher = watcher
        self._socket = _listen(host, port)
        self.url = _url(self._socket, "https" if watcher.security.tls else "http")
        self._server = _Server(Authentication(app, watcher), watcher)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._watcher.start()
        self._thread.start()

    def stop(self, seconds: float = 4.0) -> None:
        """Stop answering; waits so long for the threads."""
        until = time.monotonic() + seconds
        self._server.should_exit = True
        self._watcher.stop(seconds)
        if self._thread.ident is not None:
            self._thread.join(max(0.0, until - time.monotonic()))
        self._socket.close()


class WebServers:
    """Servers as one. url: where the first listens."""

    def __init__(self, servers: Sequence[WebServer]) -> None:
        self._servers = servers
        self.url = servers[0].url

    def start(self) -> None:
        """Begin to answer."""
        for server in self._servers:
            server.start()

    def stop(self, seconds: float = 4.0) -> None:
        """Stop answering; waits so long, for all together."""
        until = time.monotonic() + seconds
        for server in self._servers:
            server.stop(max(0.0, until - time.monotonic()))


class _Server(uvicorn.Server):
    """uvicorn's server, which takes connections from `Connections`."""

    def __init__(self, app: ASGIApp, watcher: ConfigWatcher) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_keep_alive=NEVER_SECONDS,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._connections = Connections(config, self.server_state, watcher)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, instead of uvicorn."""
        await super().startup(sockets=[])
        for listener in sockets or ():
            self._connections.open(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers finish for a second, and cut what is left."""
        await self._connections.close()
        await super().shutdown(sockets=sockets)
        self._connections.cut_all()


def _url(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"http: cannot listen on {host}:{port}: {error.strerror}."
            " Set http.host and http.port, or those of health, to a free address."
        ) from None
    return listener
