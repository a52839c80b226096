"""One client's connection, and how far it has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import h11
from uvicorn import Config

from monitor.web.uvicorn_private import H11Protocol, ServerState


class Phase(StrEnum):
    """What a connection waits for."""

    HANDSHAKE = "handshake"
    HEAD = "head"
    ANSWER = "answer"
    IDLE = "idle"


LONGEST_SECONDS: Final = {
    Phase.HANDSHAKE: 5.0,
    Phase.HEAD: 5.0,
    Phase.ANSWER: 10.0,
    Phase.IDLE: 75.0,
}
"""How long it may wait for each. Longer than the usual scrape interval when idle, so that
Prometheus keeps its connection; as long as its usual time limit for an answer to be taken.
"""
HEAD_BYTES: Final = 16 * 2**10
"""Largest head of a request: request line and headers."""


class Connection(H11Protocol):
    """uvicorn's protocol, which says what it waits for and can be cut.

    welcomes: whether a client with this certificate may ask. unwelcome: called if it may not.
    connected: whether TLS, if there is any, is agreed on. answered: how many requests were.
    newest: when the last was, or when the client came. lost: set once the connection is.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        welcomes: Callable[[Any], bool],
        unwelcome: Callable[[], None],
    ) -> None:
        super().__init__(config, state, app_state={})
        self.connected = False
        self.answered = 0
        self.newest = time.monotonic()
        self.lost = asyncio.Event()
        self._welcomes = welcomes
        self._unwelcome = unwelcome

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """TLS, if there is any, is agreed on."""
        super().connection_made(transport)
        self.connected = True
        if not self._welcomes(transport.get_extra_info("peercert")):
            self._unwelcome()
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing can be sent or received any more."""
        super().connection_lost(exc)
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        if self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            # Nonsense after a request whose answer has begun: there is nothing to say any more.
            self.transport.abort()

    def on_response_complete(self) -> None:
        """The answer is given to the transport, which may not have sent it."""
        self.answered += 1
        self.newest = time.monotonic()
        if self.conn.trailing_data[0]:
            # The next request, sent before this answer: those who do not read could have us
            # answer without end. They ask again on a new connection.
            self.transport.close()
        super().on_response_complete()

    @property
    def phase(self) -> Phase:
        """What it waits for."""
        if not self.connected:
            return Phase.HANDSHAKE
        if self.conn.our_state is not h11.IDLE or self.transport.get_write_buffer_size():
            return Phase.ANSWER
        begun = not self.answered or self.conn.trailing_data[0]
        return Phase.HEAD if begun else Phase.IDLE
