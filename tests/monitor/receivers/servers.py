"""Local HTTP(S) servers that answer as they are told, also as no server should."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 10.0
SLOWNESS_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """What a client sent. headers: names in small letters."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Talk:
    """One connection after its request was read. over: set when the server stops."""

    socket: socket.socket
    over: threading.Event

    def send(self, data: bytes) -> None:
        """Send it all."""
        self.socket.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send it again and again, a piece at a time, until somebody hangs up."""
        while not self.over.wait(SLOWNESS_SECONDS):
            self.send(data)


Answer = Callable[[Talk], None]


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A proper answer. headers: with _ for -."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return lambda talk: talk.send("\r\n".join([*lines, "", ""]).encode() + body)


def hang(talk: Talk) -> None:
    """Say nothing."""
    talk.over.wait(STOP_SECONDS)


def hang_up(talk: Talk) -> None:
    """End without a word."""


def endless_headers(talk: Talk) -> None:
    """One header that never ends, slowly."""
    talk.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    talk.drip(b"x")


def dripping_body(talk: Talk) -> None:
    """A body that never ends, slowly."""
    talk.send(b"HTTP/1.1 202 Accepted\r\n\r\n")
    talk.drip(b"x")


def endless_body(talk: Talk) -> None:
    """A body that never ends, as fast as it goes."""
    talk.send(b"HTTP/1.1 202 Accepted\r\n\r\n")
    while not talk.over.is_set():
        talk.send(bytes(2**16))


def endless_tunnel(talk: Talk) -> None:
    """A proxy whose answer never ends, slowly."""
    talk.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    talk.drip(b"x")


def tunnel_to(server: Server) -> Answer:
    """A proxy that connects every client to this server."""

    def relay(talk: Talk) -> None:
        with socket.create_connection(server.address) as far:
            talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
            ends = {talk.socket: far, far: talk.socket}
            while not talk.over.is_set():
                ready, _, _ = select.select(list(ends), [], [], SLOWNESS_SECONDS)
                for end in ready:
                    data = end.recv(2**16)
                    if not data:
                        return
                    ends[end].sendall(data)

    return relay


@dataclass
class Server:
    """Gives its answers in turn, the last one for ever. requests: what came."""

    answers: list[Answer]
    certificate: Path | None = None
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._context: ssl.SSLContext | None = None
        if self.certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(self.certificate)
        self._begin(self._accept)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._listener.getsockname()
        return host, port

    @property
    def url(self) -> str:
        """Its address, without a path."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://127.0.0.1:{self.address[1]}"

    def stop(self) -> None:
        """End all connections."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            assert not thread.is_alive()

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                accepted, _ = self._listener.accept()
                self._begin(self._serve, accepted)

    def _serve(self, accepted: socket.socket) -> None:
        # A client that hangs up in the middle is what many tests are about.
        with contextlib.suppress(OSError), accepted:
            accepted.settimeout(STOP_SECONDS)
            talked = accepted
            if self._context is not None:
                talked = self._context.wrap_socket(accepted, server_side=True)
            with talked:
                self.requests.append(_read(talked))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                answer(Talk(talked, self._over))


def _read(talked: socket.socket) -> Request:
    with talked.makefile("rb") as file:
        method, target, _ = file.readline().decode().split(" ", 2)
        headers = {}
        while line := file.readline().decode().strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        return Request(method, target, headers, file.read(int(headers.get("content-length", 0))))
