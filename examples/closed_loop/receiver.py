"""A receiver of retraining requests that is busy at first, then hangs, then takes them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_SECONDS = 5.0


class Receiver:
    """An HTTP server on 127.0.0.1. answers: how each call was answered, in order."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.requests: dict[str, dict[str, Any]] = {}
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/retrain"
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, event: dict[str, Any]) -> int:
        """Decide on a call; returns the status to answer with, 0 for none."""
        with self._lock:
            turn = len(self.answers)
            self.answers.append(("503", "hangs")[turn] if turn < 2 else "200")
            if turn >= 2:
                self.requests[event["id"]] = event["data"]
        if turn == 1:
            self._closing.wait(HANG_SECONDS)
            return 0
        return 503 if turn == 0 else 200

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers["Content-Length"]), 2**20)
                status = receiver.take(json.loads(self.rfile.read(length)))
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing: the story is told elsewhere."""

        return Handler
