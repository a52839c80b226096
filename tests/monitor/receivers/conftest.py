"""Servers that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monitor.receivers.servers import Answer, Server

Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers: `serve(reply(202))`, `serve(hang, certificate=path)`."""
    started: list[Server] = []

    def begin(*answers: Answer, certificate: Path | None = None) -> Server:
        started.append(Server(list(answers), certificate))
        return started[-1]

    yield begin
    for server in started:
        server.stop()
