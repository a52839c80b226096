"""A Schema Registry of a few lines, on 127.0.0.1, that can be told to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Stub:
    """answers: what GET of a path gives. refused: with what status others fail.

    asked: the paths, in order. failure: how all fail.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.refused: dict[str, int] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.failure: int | bytes | None = None
        self.release = threading.Event()
        self.hang = False
        self.url = ""

    def add(self, schema_id: int | str, schema: Any, kind: str | None = None, **more: Any) -> None:
        text = schema if isinstance(schema, str) else json.dumps(schema)
        answer = {"schema": text, **more}
        self.answers[f"/schemas/ids/{schema_id}"] = answer if kind is None else {
            **answer, "schemaType": kind,
        }  # fmt: skip


@contextmanager
def running() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.asked.append(self.path)
            stub.headers.append(dict(self.headers))
            if stub.hang:
                stub.release.wait(20)
            status, body = _answer(stub, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        stub.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def _answer(stub: Stub, path: str) -> tuple[int, bytes]:
    if isinstance(stub.failure, int):
        return stub.failure, b"{}"
    if isinstance(stub.failure, bytes):
        return 200, stub.failure
    if path in stub.refused:
        return stub.refused[path], b"{}"
    if path not in stub.answers:
        return 404, json.dumps({"error_code": 40403, "message": "Schema not found"}).encode()
    return 200, json.dumps(stub.answers[path]).encode()
