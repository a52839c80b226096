"""Where everything ends that somebody is told: alerts of Alertmanager, requests of the daemons."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LARGEST_BODY = 2**20


@dataclass(frozen=True)
class Notification:
    """One alert, as one receiver was told. status: firing or resolved."""

    receiver: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the alert."""
        return self.labels["alertname"]

    def lines(self) -> list[str]:
        """For people."""
        what = " ".join(f"{k}={v}" for k, v in sorted(self.labels.items()) if k != "alertname")
        return [
            f"{self.receiver.upper()}  {self.status}  {self.name}  {what}",
            *(f"    {name}: {text.strip()}" for name, text in sorted(self.annotations.items())),
        ]


class Notifications:
    """An HTTP server on `port` of 127.0.0.1 that writes down what it is told, in `log` too.

    tokens: what the Authorization of an alert must hold. received: all notifications of alerts,
    in order. requests: those for a new model. refused: calls that nobody could make sense of, or
    that had no valid token.
    """

    def __init__(self, log: Path, port: int, tokens: Mapping[str, str]) -> None:
        self.received: list[Notification] = []
        self.requests: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self._log, self._tokens = log, tokens
        self._lock = threading.Lock()
        self._log.touch()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="told", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, authorization: str, body: bytes) -> int:
        """Write down one call; returns the status to answer with."""
        told = json.loads(body)
        with self._lock:
            if "alerts" not in told:
                self.requests.append(told)
                self._write([f"REQUEST for a new model: {told['data']['reason']}",
                             f"    id: {told['id']}"])  # fmt: skip
                return 200
            receiver = told["receiver"]
            if authorization != f"Bearer {self._tokens.get(receiver)}":
                self.refused.append(f"{receiver}: wrong token")
                return 401
            for alert in told["alerts"]:
                new = Notification(receiver, alert["status"], alert["labels"], alert["annotations"])
                self.received.append(new)
                self._write(new.lines())
        return 200

    def _write(self, lines: list[str]) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write("\n".join([time.strftime("%H:%M:%S  ") + lines[0], *lines[1:], ""]))

    def _handler(told) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["Content-Length"]), LARGEST_BODY))
                try:
                    status = told.take(self.headers.get("Authorization", ""), body)
                except (ValueError, KeyError) as error:
                    told.refused.append(repr(error))
                    status = 400
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing: what matters is written down."""

        return Handler
