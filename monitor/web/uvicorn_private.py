"""Every part of uvicorn that we use although its documentation does not name it, and why.

`Connection` is uvicorn's HTTP/1.1 protocol, and the web server is uvicorn's server with another
way to take connections in: uvicorn has no time limit for a request's head, for a client that does
not read, or for a TLS handshake, and no bound on connections (0.54).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any, Final

import uvicorn

from monitor.process.private_api import Kind, Library

LIBRARY: Final = Library("uvicorn", "uvicorn", tested="0.54.0")

try:
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState
except ImportError as error:
    raise LIBRARY.lacks(
        "uvicorn.protocols.http.h11_impl:H11Protocol, or uvicorn.server:ServerState,",
        f"is missing ({error})",
    ) from error

_PROTOCOL: Final = "uvicorn.protocols.http.h11_impl:H11Protocol"


def _is_awaited(part: Any) -> bool:
    return inspect.iscoroutinefunction(part)


PARTS: Final[Mapping[str, Kind]] = {
    _PROTOCOL: inspect.isclass,
    f"{_PROTOCOL}.connection_made": callable,
    f"{_PROTOCOL}.connection_lost": callable,
    f"{_PROTOCOL}.data_received": callable,
    f"{_PROTOCOL}.on_response_complete": callable,
    "protocol:conn.our_state": lambda part: True,
    "protocol:conn.trailing_data": lambda part: isinstance(part, tuple),
    "protocol:transport": lambda part: part is None,
    "uvicorn.server:ServerState": inspect.isclass,
    "server:server_state": lambda part: isinstance(part, ServerState),
    "uvicorn:Server.startup": _is_awaited,
    "uvicorn:Server.shutdown": _is_awaited,
}
"""`protocol` stands for an H11Protocol without a client, `server` for a Server that has none."""


def check() -> None:
    """Raise LibraryError if a part is missing or another than it was; listens nowhere."""
    loop = asyncio.new_event_loop()
    try:
        known = {"protocol": _protocol(loop), "server": uvicorn.Server(_config())}
        for part, kind in PARTS.items():
            LIBRARY.require(part, kind, known)
    finally:
        loop.close()


def _protocol(loop: asyncio.AbstractEventLoop) -> Any:
    try:
        return H11Protocol(_config(), ServerState(), app_state={}, _loop=loop)
    except (AttributeError, TypeError) as error:
        raise LIBRARY.lacks(_PROTOCOL, f"is made in another way ({error})") from error


def _config() -> uvicorn.Config:
    async def nothing(scope: object, receive: object, send: object) -> None:
        """An application that never answers."""

    return uvicorn.Config(nothing, http="h11", ws="none", log_config=None)


__all__ = ["LIBRARY", "PARTS", "H11Protocol", "ServerState", "check"]
