"""The one place that calls receivers by HTTP.

The address is fixed; redirects are not followed; a proxy is used only if one is configured, never
one of the environment; certificates are verified.
A call ends within its time whatever the server does, and of its answer at most 64 KiB are read.
Messages name neither the path of the address nor headers: they may hold secrets.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from monitor.errors import ReceiverError
from monitor.process import background
from monitor.version import __version__

LARGEST_ANSWER_BYTES: Final = 2**16
LONGEST_RETRY_SECONDS: Final = 3600.0
RETRIED: Final = frozenset({408, 425, 429})
ANY_2XX: Final = range(200, 300)
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. body: its first 64 KiB, fewer if time ran out."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and how it is called.

    ca_file: PEM file of the authorities to trust instead of the system's. total_seconds: for all
    of a call. connect_seconds: for the connection and for TLS, of that. read_seconds: longest
    silence of the server. proxy: an HTTP proxy's address, such as http://proxy:3128.
    """

    url: str
    ca_file: Path | None = None
    total_seconds: float = 30.0
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    proxy: str | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; returns what the server answered, whatever that is.

        Raises ReceiverError(retryable) if there was no answer in time.
        """
        exchange = _Exchange(self)
        sent = {"User-Agent": f"aead-monitor/{__version__}", "Connection": "close", **headers}
        future = background.start(lambda: exchange.run(body, sent), "http-call")
        if not wait([future], self.total_seconds).done:
            # Looked at before the cut: headers that it breaks off read as if they were whole.
            head = exchange.head
            exchange.cut()
            if head is not None:
                return head
            raise _unanswered(f"no answer within {self.total_seconds:g} s")
        try:
            return future.result()
        except ssl.SSLCertVerificationError as error:
            # Tried again: certificates are renewed. Until then the list shows it.
            raise _unanswered(f"the certificate is not trusted: {error.verify_message}") from None
        except (HTTPError, http.client.HTTPException, OSError) as error:
            raise _unanswered(_described(error)) from None


class _Exchange:
    """One request and its answer; `run` is called on a thread of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self.head: Answer | None = None

    def run(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Connect, send, and read the answer."""
        url = urlsplit(self._endpoint.url)
        self._connection = connection = _connection(url, self._endpoint)
        try:
            connection.connect()
            self._socket = connection.sock
            if self._over.is_set():
                # Looking up the name took too long: nobody waits for an answer any more.
                raise TimeoutError("too late to send")
            connection.timeout = self._endpoint.read_seconds
            connection.request(
                "POST",
                _target(url, self._endpoint.proxy),
                body=body,
                headers=headers,
                preload_content=False,
                decode_content=False,
                enforce_content_length=False,
            )
            response = connection.getresponse()
            try:
                self.head = Answer(response.status, dict(response.headers))
                with suppress(HTTPError, http.client.HTTPException, OSError):
                    # The status is the answer; a body that breaks off does not change it.
                    data = response.read(LARGEST_ANSWER_BYTES)
                    self.head = Answer(self.head.status, self.head.headers, data)
                return self.head
            finally:
                response.close()
        finally:
            connection.close()

    def cut(self) -> None:
        """End it from another thread."""
        self._over.set()
        # While connecting, a proxy may be what keeps us waiting.
        used = self._socket or (self._connection.sock if self._connection else None)
        if used is not None:
            with suppress(OSError):
                # Not SSLSocket's own, which is not meant to be called while another thread reads.
                socket.socket.shutdown(used, socket.SHUT_RDWR)


def _connection(url: SplitResult, endpoint: Endpoint) -> HTTPConnection:
    """Not yet connected; through a proxy, TLS is with the server at the other end of it."""
    host, port, seconds = url.hostname or "", url.port, endpoint.connect_seconds
    via = urlsplit(endpoint.proxy) if endpoint.proxy else None
    near, port_number = (via.hostname or "", via.port) if via else (host, port)
    if url.scheme == "http":
        return HTTPConnection(near, port_number, timeout=seconds)
    # Read anew for each call: authorities are renewed, too.
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    connection = HTTPSConnection(near, port_number, timeout=seconds, ssl_context=context)
    if via:
        connection.set_tunnel(host, port or 443, scheme="http")
    return connection


def _target(url: SplitResult, proxy: str | None) -> str:
    """What is asked for: a proxy that passes on plain HTTP wants the whole address."""
    path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    return f"http://{url.netloc}{path}" if proxy and url.scheme == "http" else path


def _unanswered(message: str) -> ReceiverError:
    return ReceiverError(message, retryable=True)


def _described(error: BaseException) -> str:
    """An error in words of our own: those of the libraries name the address."""
    # NewConnectionError is a kind of time-out to urllib3.
    unreachable = isinstance(error, NewConnectionError)
    if isinstance(error, TimeoutError | ConnectTimeoutError) and not unreachable:
        return "timed out"
    refused = _TUNNEL.match(str(error))
    if refused:
        return f"the proxy answered {described(int(refused[1]))}"
    causes = [error, error.__cause__, error.__context__]
    reason = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), "")
    what = "cannot connect" if unreachable else type(error).__name__
    return f"{what}{': ' if reason else ''}{reason}"


def taken(
    answer: Answer,
    accepted: Collection[int] = ANY_2XX,
    now: Callable[[], float] = time.time,
) -> str:
    """The answer in a few words if it is one of the accepted.

    Otherwise raises ReceiverError: to be tried again for 408, 425, 429 and 5xx, not for others.
    """
    words = described(answer.status)
    if answer.status in accepted:
        return words
    if answer.status in RETRIED or answer.status >= 500:
        raise ReceiverError(words, retryable=True, retry_after=retry_after(answer.headers, now()))
    if 300 <= answer.status < 400:
        words += ": redirects are not followed, configure the final address"
    raise ReceiverError(words, retryable=False)


def described(status: int) -> str:
    """A status in words that do not come from the server."""
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `Retry-After` asks for, at most an hour; None if it says nothing of use."""
    text = next((v.strip() for k, v in headers.items() if k.lower() == "retry-after"), "")
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, aware.timestamp() - now), LONGEST_RETRY_SECONDS)
