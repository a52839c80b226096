"""Who may ask: the ASGI application around ours. Everything is behind it, health included."""

from __future__ import annotations

import base64
import binascii

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.web.connection import HEAD_BYTES
from monitor.web.passwords import BusyError, Passwords
from monitor.web.reload import ConfigWatcher

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="aead-monitor", charset="UTF-8"'}


class Authentication:
    """Asks for user and password where the watcher has any, and adds its headers to answers."""

    def __init__(self, app: ASGIApp, watcher: ConfigWatcher) -> None:
        self._app = app
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        security = self._watcher.security
        asked = Headers(scope=scope)

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in security.headers.items():
                    answer[name] = value
                if has_body(asked):
                    # Nobody reads it, so that nothing can follow it on this connection.
                    answer["Connection"] = "close"
            await send(message)

        app: ASGIApp
        if head_bytes(scope) > HEAD_BYTES:
            app = PlainTextResponse("the head of the request is too large\n", 431)
        elif security.users is None:
            app = self._app
        else:
            client = (scope.get("client") or ("",))[0]
            app = await self._admitted(security.users, asked.get("authorization", ""), client)
        await app(scope, receive, send_on)

    async def _admitted(self, users: Passwords, authorization: str, client: str) -> ASGIApp:
        """The application for those who may come in, a refusal for others."""
        pair = credentials(authorization)
        try:
            if pair is not None and await users.right(*pair, client):
                return self._app
        except BusyError:
            return PlainTextResponse(
                "too many logins at once; try again\n", 503, {"Retry-After": "5"}
            )
        self._watcher.metrics.logins_refused.inc()
        return PlainTextResponse("user and password are needed\n", 401, _CHALLENGE)


def credentials(authorization: str) -> tuple[str, bytes] | None:
    """User and password of a header; None if there are none."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        return (user.decode("utf-8"), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def head_bytes(scope: Scope) -> int:
    """Size of a request's head: h11 has a limit only for those that come in pieces."""
    sizes = (len(name) + len(value) for name, value in scope["headers"])
    return len(scope["raw_path"]) + len(scope["query_string"]) + sum(sizes)


def has_body(headers: Headers) -> bool:
    """Whether a request brings one."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0 ") != ""
